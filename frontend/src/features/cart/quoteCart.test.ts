import { expect, test } from 'vitest';
import { fakeDaemon, invalid, quoteFor } from '@/test/daemon';
import { quoteCart } from './quoteCart';

const items = [{ sku: 'NOTEBOOK', quantity: 2 }];

test('a cart with a good code is priced with it', async () => {
  fakeDaemon();

  const { quote, faults } = await quoteCart({ items, code: 'TEN' });

  expect(quote).toMatchObject({ amount_subtotal: 2900, amount_discount: 290, amount_total: 2610 });
  expect(faults.fields).toEqual({});
});

test('a refused code gives the price without it and the reason', async () => {
  const daemon = fakeDaemon();

  const { quote, faults } = await quoteCart({ items, code: 'NOPE' });

  expect(quote?.amount_total).toBe(2900);
  expect(faults.fields).toMatchObject({ discount: { detail: 'there is no code NOPE' } });
  expect(daemon.to('POST /api/quotes').map(({ body }) => body)).toEqual([{ items, discount_code: 'NOPE' }, { items }]);
});

test('a code that is longer than any can be is refused without asking', async () => {
  const daemon = fakeDaemon();

  const { quote, faults } = await quoteCart({ items, code: 'x'.repeat(100_000) });

  expect(quote?.amount_total).toBe(2900);
  expect(faults.fields).toMatchObject({ discount: { code: 'discount_unknown' } });
  expect(daemon.to('POST /api/quotes').map(({ body }) => body)).toEqual([{ items }]);
});

test('a code that cannot be checked now gives the price without it, and how long to wait', async () => {
  fakeDaemon({
    'POST /api/quotes': ({ body }) =>
      body.discount_code ? [429, { code: 'too_many_requests' }, { 'Retry-After': '301' }] : [200, quoteFor(body)],
  });

  const { quote, faults } = await quoteCart({ items, code: 'TEN' });

  expect(quote?.amount_total).toBe(2900);
  expect(faults.fields).toEqual({ discount: { code: 'discount_busy', detail: '', waitSeconds: 301 } });
});

test('too many quotes are no fault of the code', async () => {
  fakeDaemon({ 'POST /api/quotes': () => [429, { code: 'too_many_requests' }] });

  const { faults, error } = await quoteCart({ items, code: 'TEN' });

  expect(faults.fields).toEqual({});
  expect(error?.status).toBe(429);
});

test('an item that is no longer sold has no price, and its line shows the reason', async () => {
  fakeDaemon({ 'POST /api/quotes': () => invalid('/items/0/sku', 'is not sold any more') });

  const { quote, faults } = await quoteCart({ items, code: 'TEN' });

  expect(quote).toBeUndefined();
  expect(faults.lines).toMatchObject({ 0: { detail: 'is not sold any more' } });
});

test('a daemon that cannot be reached is no fault of the cart', async () => {
  fakeDaemon({ 'POST /api/quotes': () => new TypeError('Failed to fetch') });

  const { quote, faults, error } = await quoteCart({ items, code: '' });

  expect(quote).toBeUndefined();
  expect(faults.fields).toEqual({});
  expect(error?.code).toBe('network');
});
