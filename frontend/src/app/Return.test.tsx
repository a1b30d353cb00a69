import { act, cleanup, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cartStore } from '@/features/cart/cart';
import { contactStore } from '@/features/checkout/contact';
import { ordersStore } from '@/features/checkout/orders';
import { placeOrder } from '@/features/checkout/placeOrder';
import type { OrderStatus } from '@/lib/api';
import '@/features/order/OrderPage'; // loaded on demand: no test should wait for that
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

  test('shows an order in which a daemon of the previous release gives no day', async () => {
    const { created_at: _, ...older } = order;
    fakeDaemon({ [BY_SESSION]: () => [200, older] });
    success();

    expect(await heading('Thank you')).toBeVisible();
    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
  });

  test('takes what was paid out of the cart, once', async () => {
    fakeDaemon({ [BY_SESSION]: () => [200, order], [BY_ID]: () => [200, order] });
    await placedHere();
    success();
    await heading('Thank you');

    await waitFor(() => expect(cartSize()).toHaveAccessibleDescription('2 items'));
    localStorage.setItem('checkout.cart', CART); // and the next one is left alone
    cleanup();
    success();
    await heading('Thank you');
    expect(cartSize()).toHaveAccessibleDescription('3 items');
  });

  test('leaves the cart alone where another browser placed the order', async () => {
    fakeDaemon({ [BY_SESSION]: () => [200, order] });
    localStorage.setItem('checkout.cart', CART);
    success();
    await heading('Thank you');

    expect(cartSize()).toHaveAccessibleDescription('3 items');
  });

  test.each([
    ['processing', '2 items'],
    ['pending', '3 items'],
  ] as const)('%s is shown as it is, and a placed order empties its cart', async (status, size) => {
    const answer = () => [200, orderThatIs(status, RETRY_URL)] as const;
    fakeDaemon({ [BY_SESSION]: answer, [BY_ID]: answer });
    await placedHere();
    success();

    await screen.findByText('Order 1001');
    expect(await heading('Payment processing')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
    await waitFor(() => expect(cartSize()).toHaveAccessibleDescription(size));
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

  test.each([
    ['refunded', 'Refunded', 1450],
    ['partially_refunded', 'Thank you', 700],
    ['disputed', 'Payment disputed', 0],
  ] as const)('%s is headed as what it is, with what was refunded', async (status, title, amount_refunded) => {
    fakeDaemon({ [BY_SESSION]: () => [200, { ...orderThatIs(status), amount_refunded }] });
    success();

    await heading(title);
    expect(document.querySelector('.mark-good') !== null).toBe(title === 'Thank you');
    const refunded = screen.queryByTestId('refunded')?.textContent;
    expect(refunded).toBe(amount_refunded ? `−€${(amount_refunded / 100).toFixed(2)}` : undefined);
  });

  test('an order that was sent has its day, carrier and tracking number', async () => {
    const parcel = { carrier: 'DHL', tracking_number: '0034', tracking_url: 'https://track.example/0034' };
    fakeDaemon({ [BY_SESSION]: () => [200, { ...order, shipped_at: '2026-03-04T10:00:00Z', parcel }] });
    success();

    await heading('Thank you');
    expect(screen.getByText(/on its way to you/)).toBeVisible();
    expect(screen.getByTestId('parcel')).toHaveTextContent(/Sent on .*March.* with DHL.*Tracking number: 0034/);
    expect(screen.getByRole('link', { name: 'Track the parcel' })).toHaveAttribute('href', parcel.tracking_url);
  });

  test('an order for nothing has no day of a payment', async () => {
    const paid_at = '2026-03-02T10:00:00Z';
    fakeDaemon({ [BY_SESSION]: () => [200, { ...order, amount_discount: 1450, amount_total: 0, paid_at }] });
    success();

    await heading('Thank you');
    expect(screen.getByText(/^Ordered on/)).not.toHaveTextContent(/paid on/);
  });

  test('each refund has its day, its amount, and whether it has arrived', async () => {
    const refund = { amount: 700, currency: 'eur', created_at: '2026-03-05T10:00:00Z' };
    const refunds = [
      { ...refund, status: 'failed' },
      { ...refund, status: 'requires_action' },
    ];
    fakeDaemon({ [BY_SESSION]: () => [200, { ...orderThatIs('partially_refunded'), refunds }] });
    success();

    await heading('Thank you');
    const lines = screen.getAllByTestId('refund').map((line) => line.textContent);
    expect(lines).toEqual([
      expect.stringMatching(/March 5, 2026could not be transferred.*€7.00/),
      expect.stringMatching(/March 5, 2026waits for you: please answer the email.*€7.00/),
    ]);
  });

  test.each(['/success?session_id=cs_unknown', '/success'])('%s is reported plainly', async (path) => {
    fakeDaemon();
    open(path);

    expect(await heading('Order not found')).toBeVisible();
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
    expect(screen.getByText(/cannot reach the shop/)).toBeVisible();
    daemon.on(BY_SESSION, () => [200, order]);
    await pass(15_000);

    expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent('Thank you');
    expect(screen.queryByText(/cannot reach the shop/)).toBeNull();
  });
});

describe('the cancel page', () => {
  test('shows that nothing was charged, keeps the cart and pays the same order on Try again', async () => {
    const daemon = fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('pending', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [200, session],
    });
    await placedHere();
    const shopper = cancel();
    await heading('Payment not completed');
    expect(screen.getByText(/You have not been charged/)).toBeVisible();
    await shopper.dblClick(screen.getByRole('button', { name: 'Try again' }));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(`POST ${RETRY_URL}`)).toHaveLength(1);
    expect(cartSize()).toHaveAccessibleDescription('3 items');
  });

  test.each([
    ['failed', /payment failed/],
    ['expired', /time to pay has expired/],
    ['canceled', /was canceled/],
  ] as const)('explains an order that is %s', async (status, text) => {
    fakeDaemon({ [BY_ID]: () => [200, orderThatIs(status)] });
    cancel();

    await heading('Payment not completed');
    expect(screen.getByText(text)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
  });

  test('an order that was paid meanwhile is reported plainly and shown as it is now', async () => {
    const daemon = fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('expired', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [409, { code: 'not_payable' }],
    });
    const shopper = cancel();
    await heading('Payment not completed');
    daemon.on(BY_ID, () => [200, order]);
    await shopper.click(screen.getByRole('button', { name: 'Try again' }));

    expect(await screen.findByRole('alert')).toHaveTextContent(/can no longer be paid/);
    expect(await heading('Thank you')).toBeVisible();
    expect(screen.getByRole('main')).toHaveFocus(); // Try again, which had it, is gone
  });

  test('an order whose discount code others have used up is refused with that among the reasons', async () => {
    fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('expired', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [409, { code: 'not_payable' }],
    });
    const shopper = cancel();
    await heading('Payment not completed');
    await shopper.click(screen.getByRole('button', { name: 'Try again' }));

    expect(await screen.findByRole('alert')).toHaveTextContent(/or its discount code is used up/);
  });

  test('an order that is opened by its link, and not from the payment page, can be paid', async () => {
    fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('pending', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [200, session],
    });
    const shopper = open(`/success?order_id=${ORDER_ID}`);
    await heading('Payment not completed');
    expect(screen.queryByText(/waiting for the payment service to confirm/)).toBeNull();
    expect(screen.queryByText(/You have not been charged/)).toBeNull(); // a payment may be on its way
    expect(screen.getByText(/received no payment for this order yet/)).toBeVisible();
    await shopper.click(screen.getByRole('button', { name: 'Try again' }));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
  });

  test('too many tries are reported with how long to wait', async () => {
    fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('expired', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [429, { code: 'too_many_requests' }, { 'Retry-After': '90' }],
    });
    const shopper = cancel();
    await heading('Payment not completed');
    await shopper.click(screen.getByRole('button', { name: 'Try again' }));

    expect(await screen.findByText(/Too many attempts\. Please wait 2\sminutes\./)).toBeVisible();
  });

  test('an unreachable payment service is reported, and can be tried again', async () => {
    fakeDaemon({
      [BY_ID]: () => [200, orderThatIs('expired', RETRY_URL)],
      [`POST ${RETRY_URL}`]: () => [503, { code: 'stripe_unavailable' }],
    });
    const shopper = cancel();
    await heading('Payment not completed');
    await shopper.click(screen.getByRole('button', { name: 'Try again' }));

    expect(await screen.findByText(/payment service is unavailable/)).toBeVisible();
    expect(screen.getByRole('button', { name: 'Try again' })).toBeVisible();
    expect(shopper.wentTo).toEqual([]);
  });
});

describe('an order whose success page is never loaded', () => {
  test.each(['processing', 'completed'] as const)('ends its cart at the next visit when it is %s', async (status) => {
    fakeDaemon({ [BY_ID]: () => [200, orderThatIs(status)] });
    await placedHere();
    open('/');

    expect(await screen.findByText(/Order 1001 has been placed. Its items are no longer in your cart/)).toBeVisible();
    expect(screen.getByRole('link', { name: 'View order 1001' })).toHaveAttribute(
      'href',
      `/success?order_id=${ORDER_ID}`,
    );
    expect(cartSize()).toHaveAccessibleDescription('2 items');
  });

  test.each(['focus', 'pageshow'])('ends it in a tab that comes back, on %s', async (event) => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, orderThatIs('pending')] });
    await placedHere();
    open('/');
    await waitFor(() => expect(daemon.to(BY_ID)).toHaveLength(1));
    daemon.on(BY_ID, () => [200, order]);
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_000);
    act(() => void window.dispatchEvent(new Event(event)));

    await waitFor(() => expect(cartSize()).toHaveAccessibleDescription('2 items'));
    expect(ordersStore.get()).toMatchObject([{ paid: true }]);
  });

  test('is looked up before Checkout, which stops if the cart is no longer the one shown', async () => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, orderThatIs('pending')] });
    await placedHere();
    const shopper = open('/');
    await waitFor(() => expect(daemon.to(BY_ID)).toHaveLength(1));
    await shopper.click(cartSize());
    daemon.on(BY_ID, () => [200, order]);
    const before = daemon.to('POST /api/stripe-checkout').length;
    await shopper.click(screen.getByRole('button', { name: 'Checkout' }));

    const dialog = screen.getByRole('dialog');
    expect(await within(dialog).findByText(/Order 1001 has been placed/)).toBeVisible();
    expect(daemon.to('POST /api/stripe-checkout')).toHaveLength(before);
    expect(within(dialog).queryByText('Notebook')).toBeNull();
  });

  test('two look-ups at once: what the first takes out of the cart is not ordered again', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const daemon = fakeDaemon({
      [BY_ID]: async () => {
        await answered;
        return [200, order] as const;
      },
    });
    await placedHere();
    contactStore.set({ name: 'Bo', email: 'bo@example.com', phone: '+43 660 7654321' });
    const shopper = open('/');
    await waitFor(() => expect(daemon.to(BY_ID)).toHaveLength(1));
    await shopper.click(cartSize());
    const before = daemon.to('POST /api/stripe-checkout').length;
    await shopper.click(await screen.findByRole('button', { name: 'Checkout' }));
    await waitFor(() => expect(daemon.to(BY_ID)).toHaveLength(2));
    answer();

    const dialog = screen.getByRole('dialog');
    expect(await within(dialog).findByText(/Order 1001 has been placed/)).toBeVisible();
    const checkout = screen.getByRole('button', { name: 'Checkout' });
    await waitFor(() => expect(checkout).toHaveAttribute('aria-disabled', 'false'));
    expect(daemon.to('POST /api/stripe-checkout')).toHaveLength(before);
  });

  test('puts its items back when its payment fails, and keeps what was added since', async () => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, orderThatIs('processing')] });
    await placedHere();
    open('/');
    await waitFor(() => expect(cartSize()).toHaveAccessibleDescription('2 items'));
    cleanup();
    daemon.on(BY_ID, () => [200, orderThatIs('failed', RETRY_URL)]);
    open('/');

    expect(await screen.findByText(/payment for order 1001 failed. Its items are back/)).toBeVisible();
    expect(cartSize()).toHaveAccessibleDescription('3 items');
  });

  test('puts its items back on its own page, which does not claim that the cart is unchanged', async () => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, orderThatIs('processing')] });
    await placedHere();
    open('/');
    await waitFor(() => expect(cartSize()).toHaveAccessibleDescription('2 items'));
    cleanup();
    daemon.on(BY_ID, () => [200, orderThatIs('failed', RETRY_URL)]);
    cancel();
    await heading('Payment not completed');

    expect(await screen.findByText(/payment for order 1001 failed. Its items are back/)).toBeVisible();
    expect(cartSize()).toHaveAccessibleDescription('3 items');
    expect(screen.queryByText(/Your cart is unchanged/)).toBeNull();
  });

  test('takes the last items of a cart that is open, and the focus stays there', async () => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, orderThatIs('pending')] });
    await placedHere();
    localStorage.setItem('checkout.cart', '{"items":[{"sku":"NOTEBOOK","quantity":1}],"code":""}');
    const shopper = open('/');
    await waitFor(() => expect(daemon.to(BY_ID)).toHaveLength(1));
    await shopper.click(cartSize());
    daemon.on(BY_ID, () => [200, order]);
    await shopper.click(await screen.findByRole('button', { name: 'Checkout' }));

    expect(await screen.findByText('Your cart is empty.')).toBeVisible();
    await waitFor(() => expect(screen.getByRole('heading', { name: 'Your cart' })).toHaveFocus());
  });

  test('is forgotten when nobody knows it', async () => {
    fakeDaemon();
    await placedHere();
    open('/');

    await waitFor(() => expect(ordersStore.get()).toEqual([]));
    expect(cartSize()).toHaveAccessibleDescription('3 items');
  });
});

test('the same goods as in an order that is placed are asked about, and can be insisted on', async () => {
  const daemon = fakeDaemon({ [BY_ID]: () => [200, orderThatIs('processing')] });
  await placedHere();
  const shopper = open('/');
  await waitFor(() => expect(cartSize()).toHaveAccessibleDescription('2 items'));
  act(() => cartStore.set({ items: order.items.map(({ sku, quantity }) => ({ sku, quantity })), code: '' }));
  await shopper.click(cartSize());
  act(() => contactStore.set({ name: 'Bo', email: 'bo@example.com', phone: '+43 660 7654321' }));
  const before = daemon.to('POST /api/stripe-checkout').length;
  await shopper.click(screen.getByRole('button', { name: 'Checkout' }));
  expect(await screen.findByText(/exactly these items, in order 1001/)).toBeVisible();
  expect(daemon.to('POST /api/stripe-checkout')).toHaveLength(before);
  await shopper.click(screen.getByRole('button', { name: 'Order anyway' }));

  await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
  expect(daemon.to('POST /api/stripe-checkout').at(-1)?.body).toMatchObject({ insist: true });
});
