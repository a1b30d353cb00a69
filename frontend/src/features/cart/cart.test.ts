import { describe, expect, test } from 'vitest';
import { MAXIMUM_LINES } from '@/lib/pricing/lines';
import {
  addItem,
  type Cart,
  cartStore,
  countItems,
  EMPTY_CART,
  removeItem,
  removePurchased,
  setQuantity,
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

describe('after paying', () => {
  test('only what was paid for leaves the cart', () => {
    expect(removePurchased(cart, [{ sku: 'NOTEBOOK', quantity: 1 }]).items).toEqual([
      { sku: 'NOTEBOOK', quantity: 1 },
      { sku: 'PENCILS', quantity: 1 },
    ]);
  });

  test('a cart that was paid in full is empty, its code used', () => {
    expect(removePurchased(cart, cart.items)).toEqual(EMPTY_CART);
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
