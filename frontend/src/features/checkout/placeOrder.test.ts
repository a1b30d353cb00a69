import { describe, expect, test } from 'vitest';
import type { CheckoutRequest } from '@/lib/api';
import { fakeDaemon, invalid, quoteFor, session } from '@/test/daemon';
import { forgetAttempt } from './attempt';
import { ordersStore } from './orders';
import { placeOrder } from './placeOrder';

const CHECKOUT = 'POST /api/stripe-checkout';
const RETRY = `POST /api/stripe-checkout/${session.order_id}/retry`;

const request: CheckoutRequest = {
  items: [{ sku: 'NOTEBOOK', quantity: 1 }],
  customer: { name: 'Ana', email: 'ana@example.com', phone: '+43 660 1234567' },
  expected_total: 1450,
};
const other: CheckoutRequest = { ...request, expected_total: 1500 };

describe('the Idempotency-Key', () => {
  test('stays the same while the request does, also after an answer was lost', async () => {
    const daemon = fakeDaemon({ [CHECKOUT]: () => new TypeError('connection reset') });
    await placeOrder(request);
    daemon.on(CHECKOUT, () => [201, session]);
    await placeOrder(request);

    const [first, second] = daemon.to(CHECKOUT);
    expect(first?.key).toMatch(/^[0-9a-f]{48}$/);
    expect(second?.key).toBe(first?.key);
  });

  test('is new for another request', async () => {
    const daemon = fakeDaemon();
    await placeOrder(request);
    await placeOrder(other);

    const [first, second] = daemon.to(CHECKOUT);
    expect(second?.key).not.toBe(first?.key);
  });

  test('is the same again when a change is taken back', async () => {
    const daemon = fakeDaemon();
    await placeOrder(request);
    await placeOrder(other);
    await placeOrder(request);

    const [first, , third] = daemon.to(CHECKOUT);
    expect(third?.key).toBe(first?.key);
  });

  test('is new once it is given up, so that the same cart can be bought again', async () => {
    const daemon = fakeDaemon();
    await placeOrder(request);
    forgetAttempt();
    await placeOrder(request);

    const [first, second] = daemon.to(CHECKOUT);
    expect(second?.key).not.toBe(first?.key);
  });

  test('is given up when the daemon knows it with another body', async () => {
    const daemon = fakeDaemon({
      [CHECKOUT]: () => (daemon.to(CHECKOUT).length === 1 ? [409, { code: 'idempotency_conflict' }] : [201, session]),
    });

    expect(await placeOrder(request)).toEqual({ kind: 'leave', url: session.url });
    expect(new Set(daemon.to(CHECKOUT).map(({ key }) => key)).size).toBe(2);
  });

  test('is given up once its order was canceled: the same press makes a new one', async () => {
    const canceled = { ...session, order_id: 'canceled', status: 'canceled' as const };
    const daemon = fakeDaemon({
      [CHECKOUT]: () => (daemon.to(CHECKOUT).length === 1 ? [200, canceled] : [201, session]),
    });

    expect(await placeOrder(request)).toEqual({ kind: 'leave', url: session.url });
    expect(new Set(daemon.to(CHECKOUT).map(({ key }) => key)).size).toBe(2);
    expect(ordersStore.get().map(({ id }) => id)).toEqual([session.order_id]);
  });
});

test('the order is remembered once, with what was ordered', async () => {
  fakeDaemon();
  await placeOrder(request);
  await placeOrder(request);

  expect(ordersStore.get()).toMatchObject([{ id: session.order_id, number: 1001, items: request.items }]);
});

test('the language that was chosen goes along', async () => {
  const daemon = fakeDaemon();
  await placeOrder(request, 'de');

  expect(daemon.to(CHECKOUT)).toMatchObject([{ language: 'de' }]);
});

describe('where the shopper goes', () => {
  test('a new order leads to the payment page', async () => {
    fakeDaemon();

    expect(await placeOrder(request)).toEqual({ kind: 'leave', url: session.url });
  });

  test.each(['failed', 'expired'] as const)('a replayed order that %s gets a new session', async (status) => {
    fakeDaemon({
      [CHECKOUT]: () => [200, { ...session, status }],
      [RETRY]: () => [201, { ...session, url: 'https://pay.example/cs_test_2' }],
    });

    expect(await placeOrder(request)).toEqual({ kind: 'leave', url: 'https://pay.example/cs_test_2' });
  });

  test('a replayed session whose time is over gets a new one', async () => {
    fakeDaemon({
      [CHECKOUT]: () => [200, { ...session, expires_at: '2020-01-01T00:00:00Z' }],
      [RETRY]: () => [201, { ...session, url: 'https://pay.example/cs_test_2' }],
    });

    expect(await placeOrder(request)).toEqual({ kind: 'leave', url: 'https://pay.example/cs_test_2' });
  });

  test.each(['completed', 'processing'] as const)(
    'a replayed order that is %s is shown, not paid twice',
    async (status) => {
      fakeDaemon({ [CHECKOUT]: () => [200, { ...session, status }] });

      expect(await placeOrder(request)).toEqual({ kind: 'leave', url: '/success?session_id=cs_test_1' });
    },
  );
});

describe('why not', () => {
  test('a changed price comes with the new quote', async () => {
    const quote = { ...quoteFor({ items: [{ sku: 'NOTEBOOK', quantity: 1 }] }), amount_total: 1600 };
    fakeDaemon({ [CHECKOUT]: () => [409, { code: 'price_changed', quote }] });

    expect(await placeOrder(request)).toEqual({ kind: 'price_changed', quote });
  });

  test('faults are placed on their fields', async () => {
    fakeDaemon({ [CHECKOUT]: () => invalid('/customer/phone', 'is no phone number') });

    expect(await placeOrder(request)).toMatchObject({
      kind: 'faults',
      faults: { fields: { phone: { detail: 'is no phone number' } } },
    });
  });

  test.each([
    [
      { order_id: session.order_id, number: 1001 },
      { id: session.order_id, number: 1001 },
    ],
    [{}, undefined],
  ])('goods that were ordered a short while ago are asked about', async (reference, order) => {
    fakeDaemon({ [CHECKOUT]: () => [409, { code: 'probably_placed', ...reference }] });

    expect(await placeOrder(request)).toEqual({ kind: 'placed', order });
  });

  test.each([
    [503, 'stripe_unavailable', 'stripe'],
    [503, 'database_unavailable', 'shop'],
    [429, 'too_many_requests', 'busy'],
    [500, 'internal_error', 'shop'],
    [422, 'http_422', 'shop'],
  ])('%i %s can be tried again', async (status, code, reason) => {
    fakeDaemon({ [CHECKOUT]: () => [status, { code }] });

    expect(await placeOrder(request)).toEqual({ kind: 'try_again', reason });
  });

  test('an order that cannot be paid is not offered again: the next press makes a new one', async () => {
    const daemon = fakeDaemon({
      [CHECKOUT]: () => [200, { ...session, status: 'expired' }],
      [RETRY]: () => [409, { code: 'not_payable' }],
    });
    expect(await placeOrder(request)).toMatchObject({ kind: 'refused' });
    daemon.on(CHECKOUT, () => [201, session]);
    await placeOrder(request);

    const [first, second] = daemon.to(CHECKOUT);
    expect(second?.key).not.toBe(first?.key);
  });

  test('what the payment service refuses for good is not offered again', async () => {
    fakeDaemon({ [CHECKOUT]: () => [502, { code: 'stripe_rejected' }] });

    expect(await placeOrder(request)).toMatchObject({ kind: 'refused' });
  });
});
