import { describe, expect, test } from 'vitest';
import { MAXIMUM_LINES } from '@/lib/pricing/lines';
import {
  addItem,
  type Cart,
  cartStore,
  countItems,
  EMPTY_CART,
  removeItem,
  restoreItems,
  setQuantity,
  takeItems,
  whyFull,
} from './cart';

const cart: Cart = {
  items: [
    { sku: 'NOTEBOOK', quantity: 2 },
    { sku: 'PENCILS', quantity: 1 },
  ],
  code: 'TEN',
};

describe('picking', () => {
  test('the same product again is one more of it', () => {
    expect(addItem(addItem(EMPTY_CART, 'A'), 'A').items).toEqual([{ sku: 'A', quantity: 2 }]);
  });

  test('a quantity stays within 1 and 999', () => {
    expect(setQuantity(cart, 'PENCILS', 0).items[1]?.quantity).toBe(1);
    expect(setQuantity(cart, 'PENCILS', 5000).items[1]?.quantity).toBe(999);
  });

  test('there are at most a hundred lines', () => {
    const items = Array.from({ length: MAXIMUM_LINES }, (_, index) => ({ sku: `S${index}`, quantity: 1 }));

    expect(addItem({ items, code: '' }, 'ONE-MORE').items).toHaveLength(MAXIMUM_LINES);
    expect(countItems(addItem({ items, code: '' }, 'S0'))).toBe(MAXIMUM_LINES + 1);
  });

  test('the code goes with the last item', () => {
    expect(removeItem(cart, 'PENCILS').code).toBe('TEN');
    expect(removeItem(removeItem(cart, 'PENCILS'), 'NOTEBOOK')).toEqual(EMPTY_CART);
  });
});

test('a full cart reports which limit it has reached', () => {
  const items = Array.from({ length: MAXIMUM_LINES }, (_, index) => ({ sku: `S${index}`, quantity: 999 }));

  expect(whyFull({ items, code: '' }, 'ONE-MORE')).toBe('lines');
  expect(whyFull({ items, code: '' }, 'S0')).toBe('quantity');
  expect(whyFull(cart, 'ONE-MORE')).toBeUndefined();
  expect(whyFull(cart, 'NOTEBOOK')).toBeUndefined();
});

describe('an order that is placed', () => {
  test('takes what was ordered, and only that', () => {
    expect(takeItems(cart, [{ sku: 'NOTEBOOK', quantity: 1 }]).rest.items).toEqual([
      { sku: 'NOTEBOOK', quantity: 1 },
      { sku: 'PENCILS', quantity: 1 },
    ]);
  });

  test('leaves nothing of a cart that was ordered in full, its code used', () => {
    expect(takeItems(cart, cart.items)).toEqual({ rest: EMPTY_CART, taken: cart });
  });

  test('takes no more than there is, and leaves a cart of other things alone', () => {
    expect(takeItems(cart, [{ sku: 'PENCILS', quantity: 5 }]).taken.items).toEqual([{ sku: 'PENCILS', quantity: 1 }]);
    expect(takeItems(cart, [{ sku: 'INK', quantity: 1 }])).toEqual({ rest: cart, taken: EMPTY_CART });
  });

  test('puts back what it took, and keeps what was added since', () => {
    const { taken } = takeItems(cart, cart.items);
    const since: Cart = { items: [{ sku: 'PENCILS', quantity: 2 }], code: '' };

    expect(restoreItems(since, taken)).toEqual({
      items: [
        { sku: 'PENCILS', quantity: 3 },
        { sku: 'NOTEBOOK', quantity: 2 },
      ],
      code: 'TEN',
    });
  });
});

describe('the stored cart', () => {
  test('comes back after a reload', () => {
    cartStore.set(cart);

    expect(cartStore.get()).toEqual(cart);
  });

  test.each([
    ['not a cart', '[]'],
    ['a cart of nonsense', '{"items":[{"sku":1,"quantity":1},{"sku":"A","quantity":0.5},null],"code":7}'],
  ])('%s reads as empty', (_name, text) => {
    localStorage.setItem('checkout.cart', text);

    expect(cartStore.get()).toEqual(EMPTY_CART);
  });
});
