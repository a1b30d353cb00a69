import { expect, test } from 'vitest';
import { NO_FAULTS } from '@/lib/faults';
import { changeOrder, heldBy, isPlaced, noteOrder, ordersStore, placedAlike } from './orders';

const DAY = 86_400_000;
const items = [
  { sku: 'A', quantity: 1 },
  { sku: 'B', quantity: 2 },
];
const taken = { items, code: '' };
const held = (id: string, days: number, more = {}) => ({ id, number: 1, items, at: Date.now() - days * DAY, ...more });

test('orders are kept as long as something can become of them', () => {
  ordersStore.set([
    held('fresh', 2),
    held('given up', 4),
    held('processing', 20, { taken }),
    held('long lost', 31, { taken }),
    held('just paid', 0, { taken, paid: true }),
    held('paid and done', 2, { taken, paid: true }),
  ]);
  const text = localStorage.getItem('checkout.orders') ?? '';
  localStorage.setItem('checkout.orders', `${text} `); // as another tab would

  expect(ordersStore.get().map(({ id }) => id)).toEqual(['fresh', 'processing', 'just paid']);
});

test.each(['[]', '{}', '7', '[null,{"id":1}]', '[{"id":"a","number":1,"at":1,"items":{}}]'])(
  '%s is not a list of orders',
  (text) => {
    localStorage.setItem('checkout.orders', text);

    expect(ordersStore.get()).toEqual([]);
  },
);

test('the same lines in another order are alike, once the order is placed', () => {
  for (const order_id of ['one', 'two']) {
    const session = { order_id, number: 1, session_id: '', url: '', amount_total: 1, currency: 'eur', expires_at: '' };
    noteOrder({ ...session, status: 'pending' }, { items });
  }
  expect(placedAlike(items)).toBeUndefined();
  changeOrder('one', { taken });

  expect(placedAlike([...items].reverse())?.id).toBe('one');
  expect(placedAlike(items.slice(1))).toBeUndefined();
});

test('only an open order with the same lines holds what is refused, and nothing else may be refused', () => {
  const soldOut = { ...NO_FAULTS, lines: { 0: { code: 'out_of_stock', detail: '' } } };
  const invalid = { ...soldOut, fields: { country: { code: 'country_not_served', detail: '' } } };
  ordersStore.set([
    held('of an earlier release', 0),
    held('expired', 0, { total: 9, over: true }),
    held('paid', 0, { total: 9, taken, paid: true }),
    held('open', 0, { total: 9 }),
  ]);

  expect(heldBy([...items].reverse(), '', soldOut)?.id).toBe('open');
  expect(heldBy(items.slice(1), '', soldOut)).toBeUndefined();
  expect(heldBy(items, '', invalid)).toBeUndefined();
  expect(heldBy(items, '', NO_FAULTS)).toBeUndefined();
});

test('an order holds only what is refused with its own code, in any spelling', () => {
  const soldOut = { ...NO_FAULTS, lines: { 0: { code: 'out_of_stock', detail: '' } } };
  const usedUp = { ...NO_FAULTS, fields: { discount: { code: 'discount_exhausted', detail: '' } } };
  const busy = { ...NO_FAULTS, fields: { discount: { code: 'discount_busy', detail: '' } } };
  ordersStore.set([held('without', 0, { total: 9, code: '' }), held('with', 0, { total: 9, code: 'TEN' })]);

  expect(heldBy(items, '', soldOut)?.id).toBe('without');
  expect(heldBy(items, ' ten ', soldOut)?.id).toBe('with');
  expect(heldBy(items, 'ten', usedUp)?.id).toBe('with');
  expect(heldBy(items, 'OTHER', soldOut)).toBeUndefined();
  expect(heldBy(items, 'OTHER', usedUp)).toBeUndefined();
  expect(heldBy(items, 'ten', busy)?.id).toBe('with');
  expect(heldBy(items, 'OTHER', busy)).toBeUndefined();
});

test('an order that an earlier release noted without its code holds its items, but no code', () => {
  const soldOut = { ...NO_FAULTS, lines: { 0: { code: 'out_of_stock', detail: '' } } };
  const both = { ...soldOut, fields: { discount: { code: 'discount_exhausted', detail: '' } } };
  localStorage.setItem('checkout.orders', JSON.stringify([held('earlier', 0, { total: 9 })]));

  expect(heldBy(items, 'TEN', soldOut)?.id).toBe('earlier');
  expect(heldBy(items, 'TEN', both)).toBeUndefined();
});

test('the code is kept as the daemon compares it', () => {
  const session = { order_id: 'one', number: 1, session_id: '', url: '', amount_total: 1, currency: 'eur' };
  noteOrder({ ...session, expires_at: '', status: 'pending' }, { items, discount_code: ' ten ' });
  const text = localStorage.getItem('checkout.orders') ?? '';
  localStorage.setItem('checkout.orders', `${text} `); // as another tab would

  expect(ordersStore.get()).toMatchObject([{ id: 'one', code: 'TEN' }]);
});

test('placed is whatever the goods are sent for, or were', () => {
  expect((['pending', 'failed', 'expired', 'canceled'] as const).some(isPlaced)).toBe(false);
  expect((['processing', 'completed', 'partially_refunded', 'refunded', 'disputed'] as const).every(isPlaced)).toBe(
    true,
  );
});
