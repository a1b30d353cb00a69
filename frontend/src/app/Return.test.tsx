import { act, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { rememberOrder, settleOrder } from '@/features/checkout/attempt';
import { placeOrder } from '@/features/checkout/placeOrder';
import type { OrderStatus } from '@/lib/api';
import { fakeDaemon, order, session } from '@/test/daemon';
import { visit } from '@/test/shopper';
import { App } from './App';

const ORDER_ID = session.order_id;
const BY_SESSION = 'GET /api/stripe-checkout/cs_test_1';
const BY_ID = `GET /api/stripe-checkout/${ORDER_ID}`;
const RETRY_URL = `/api/stripe-checkout/${ORDER_ID}/retry`;
const CART = '{"items":[{"sku":"NOTEBOOK","quantity":1},{"sku":"PENCILS","quantity":2}],"code":""}';

const open = (path: string) => visit((location, goTo) => <App location={location} goTo={goTo} />, path);
const success = () => open('/success?session_id=cs_test_1');
const cancel = () => open(`/cancel?order_id=${ORDER_ID}`);
const heading = (name: string) => screen.findByRole('heading', { level: 1, name });
const cartSize = () => screen.getByRole('button', { name: 'Open cart' });
const orderThatIs = (status: OrderStatus, retry_url?: string) => ({ ...order, status, retry_url });

/** This browser placed order 1001 for one notebook, and has since put pencils into the cart. */
async function placedHere(): Promise<void> {
  await placeOrder({ items: order.items, customer: { name: 'A', email: 'a@b.at', phone: '+43' } });
  localStorage.setItem('checkout.cart', CART);
}

describe('the success page', () => {
  test('thanks, with number, items and total', async () => {
    fakeDaemon({ [BY_SESSION]: () => [200, { ...order, amount_discount: 145, amount_total: 1305 }] });
    success();

    expect(await heading('Thank you')).toBeVisible();
    expect(screen.getByText('Order 1001')).toBeVisible();
    expect(screen.getByText('Notebook')).toBeVisible();
    expect(screen.getByTestId('total')).toHaveTextContent('13.05');
  });

  test('takes what was paid out of the cart, once', async () => {
    fakeDaemon({ [BY_SESSION]: () => [200, order] });
    await placedHere();
    success();
    await heading('Thank you');

    await waitFor(() => expect(cartSize()).toHaveAccessibleDescription('2 items'));
    expect(settleOrder(1001)).toBe(false);
  });

  test('a reload later leaves the next cart alone', async () => {
    fakeDaemon({ [BY_SESSION]: () => [200, order] });
    localStorage.setItem('checkout.cart', CART);
    success();
    await heading('Thank you');

    expect(cartSize()).toHaveAccessibleDescription('3 items');
  });

  test.each(['processing', 'pending'] as const)('%s is said honestly, and the cart stays', async (status) => {
    fakeDaemon({ [BY_SESSION]: () => [200, orderThatIs(status, RETRY_URL)] });
    await placedHere();
    success();

    await screen.findByText('Order 1001');
    expect(await heading('Payment processing')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
    expect(cartSize()).toHaveAccessibleDescription('3 items');
  });

  test('a payment that failed can be tried again', async () => {
    fakeDaemon({
      [BY_SESSION]: () => [200, orderThatIs('failed', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [201, { ...session, url: 'https://pay.example/2' }],
    });
    const shopper = success();
    await heading('Payment not completed');
    await shopper.click(screen.getByRole('button', { name: 'Try again' }));

    await waitFor(() => expect(shopper.wentTo).toEqual(['https://pay.example/2']));
  });

  test('a refunded order is thanked for, and the refund is told', async () => {
    fakeDaemon({ [BY_SESSION]: () => [200, orderThatIs('refunded')] });
    success();

    await heading('Thank you');
    expect(screen.getByText(/refunded to you/)).toBeVisible();
  });

  test.each(['/success?session_id=cs_unknown', '/success'])('%s is told plainly', async (path) => {
    fakeDaemon();
    open(path);

    expect(await heading('We do not know this order')).toBeVisible();
  });
});

describe('following an order', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const pass = (milliseconds: number) => act(() => vi.advanceTimersByTimeAsync(milliseconds));

  test('asks ever more slowly until it is settled, then no more', async () => {
    const daemon = fakeDaemon({ [BY_SESSION]: () => [200, orderThatIs('processing')] });
    success();
    await pass(60_000);
    const inTheFirstMinute = daemon.to(BY_SESSION).length;
    await pass(60_000);
    const inTheSecond = daemon.to(BY_SESSION).length - inTheFirstMinute;
    expect(inTheFirstMinute).toBeGreaterThan(inTheSecond);
    expect(inTheSecond).toBeGreaterThan(2);

    daemon.on(BY_SESSION, () => [200, order]);
    await pass(15_000);
    expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent('Thank you');
    const asked = daemon.to(BY_SESSION).length;
    await pass(120_000);
    expect(daemon.to(BY_SESSION)).toHaveLength(asked);
  });

  test.each([
    ['an outage', () => new TypeError('Failed to fetch')],
    ['a refusal that is not the daemon’s', () => [403, 'Forbidden'] as const],
  ])('goes on through %s', async (_, answer) => {
    const daemon = fakeDaemon({ [BY_SESSION]: answer });
    success();
    await pass(2_000);
    expect(screen.getByText(/cannot be reached/)).toBeVisible();
    daemon.on(BY_SESSION, () => [200, order]);
    await pass(15_000);

    expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent('Thank you');
    expect(screen.queryByText(/cannot be reached/)).toBeNull();
  });
});

describe('the cancel page', () => {
  test('says that nothing was charged, keeps the cart and pays the same order on Try again', async () => {
    const daemon = fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('pending', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [200, session],
    });
    await placedHere();
    const shopper = cancel();
    await heading('Payment not completed');
    expect(screen.getByText(/Nothing was charged/)).toBeVisible();
    await shopper.dblClick(screen.getByRole('button', { name: 'Try again' }));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(`POST ${RETRY_URL}`)).toHaveLength(1);
    expect(cartSize()).toHaveAccessibleDescription('3 items');
  });

  test.each([
    ['failed', /payment failed/],
    ['expired', /time to pay ran out/],
    ['canceled', /was canceled/],
  ] as const)('says what happened when it is %s', async (status, text) => {
    fakeDaemon({ [BY_ID]: () => [200, orderThatIs(status)] });
    cancel();

    await heading('Payment not completed');
    expect(screen.getByText(text)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
  });

  test('an order that was paid meanwhile is told plainly and shown as it is now', async () => {
    const daemon = fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('expired', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [409, { code: 'not_payable' }],
    });
    const shopper = cancel();
    await heading('Payment not completed');
    daemon.on(BY_ID, () => [200, order]);
    await shopper.click(screen.getByRole('button', { name: 'Try again' }));

    expect(await screen.findByText(/can no longer be paid/)).toHaveAttribute('role', 'alert');
    expect(await heading('Thank you')).toBeVisible();
  });

  test('an unreachable payment service is said, and can be tried again', async () => {
    fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('expired', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [503, { code: 'stripe_unavailable' }],
    });
    const shopper = cancel();
    await heading('Payment not completed');
    await shopper.click(screen.getByRole('button', { name: 'Try again' }));

    expect(await screen.findByText(/payment service cannot be reached/)).toBeVisible();
    expect(screen.getByRole('button', { name: 'Try again' })).toBeVisible();
    expect(shopper.wentTo).toEqual([]);
  });
});

test('an order of this browser can be settled only by its number', async () => {
  fakeDaemon();
  await placedHere();
  rememberOrder(1002);

  expect(settleOrder(1001)).toBe(false);
  expect(settleOrder(1002)).toBe(true);
});
