import { expect, test } from 'vitest';
import { catalog, quoteFor } from '@/test/daemon';
import type { Cart } from './cart';
import { estimate, withQuotedPrices } from './estimate';

const products = new Map(catalog.products.map((product) => [product.sku, product]));
const cart: Cart = { items: [{ sku: 'NOTEBOOK', quantity: 2 }], code: '' };
const TEN = { code: 'TEN', percent_off: '10' };

test('without a code the catalog is enough', () => {
  expect(estimate(cart, products, null)).toMatchObject({ amount_total: 2900, amount_discount: 0, code: undefined });
});

test('a code is used once its terms are known, however it is written', () => {
  expect(estimate({ ...cart, code: ' ten ' }, products, TEN)).toMatchObject({ amount_total: 2610, code: 'TEN' });
  expect(estimate({ ...cart, code: 'OTHER' }, products, TEN)).toBeUndefined();
});

test('a discount that the cart is too small for is left out, and comes back', () => {
  const terms = { code: 'FIVE', amount_off: 500, currency: 'eur', minimum_subtotal: 2000 };
  const one = { items: [{ sku: 'NOTEBOOK', quantity: 1 }], code: 'FIVE' };

  expect(estimate(one, products, terms)).toMatchObject({ amount_total: 1450, code: undefined });
  expect(estimate({ ...cart, code: 'FIVE' }, products, terms)).toMatchObject({ amount_total: 2400, code: 'FIVE' });
});

test('what cannot be bought, or is not known yet, has no total', () => {
  expect(estimate({ ...cart, items: [{ sku: 'LAMP', quantity: 1 }] }, products, null)).toBeUndefined();
  expect(estimate({ ...cart, items: [...cart.items, { sku: 'GONE', quantity: 1 }] }, products, null)).toBeUndefined();
  expect(estimate(cart, new Map(), null)).toBeUndefined();
});

test('a quote knows newer prices than the catalog', () => {
  const quote = quoteFor({ items: [{ sku: 'NOTEBOOK', quantity: 1 }] });
  const items = quote.items.map((item) => ({ ...item, unit_amount: 1500 }));

  expect(estimate(cart, withQuotedPrices(products, { ...quote, items }), null)).toMatchObject({ amount_total: 3000 });
});
