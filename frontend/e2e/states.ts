/** Every page in every state, and how to reach it. Rare answers are faked; everything else is the real shop. */

import { expect, type Page, type Route } from '@playwright/test';
import { addToCart, fillCart, heading, withoutFirstProducts } from './shop';

export interface State {
  readonly name: string;
  readonly reach: (page: Page) => Promise<void>;
}

const PRODUCTS = '**/api/products';
const QUOTES = '**/api/quotes';
const CHECKOUT = '**/api/stripe-checkout';
const ORDER = '**/api/stripe-checkout/*';
const LONG_NAMES = [
  'A leather-bound notebook of three hundred and twenty numbered pages, with an index, two ribbons and a pocket',
  'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenetui',
];
const ORDER_ID = '6c0f6a52-9d3e-4c57-9d0c-0d0a5b1c2d3e';

/** Two notebooks and a pen, ten per cent off. */
const QUOTE = {
  items: [
    { sku: 'NOTEBOOK-A5', name: 'A5 notebook', unit_amount: 1450, quantity: 2, amount: 2900 },
    { sku: 'PEN-FOUNTAIN', name: 'Fountain pen, fine nib', unit_amount: 3900, quantity: 1, amount: 3900 },
  ],
  ...{ amount_subtotal: 6800, amount_discount: 680, amount_total: 6120, currency: 'eur' },
};

export const STATES: readonly State[] = [
  {
    name: 'catalog-loading',
    reach: async (page) => {
      await withoutFirstProducts(page);
      await page.route(PRODUCTS, () => undefined); // no answer yet
      await page.goto('/');
      await expect(page.locator('.skeleton').first()).toBeVisible();
    },
  },
  {
    name: 'catalog-ready',
    reach: async (page) => {
      await page.goto('/');
      await expect(page.getByRole('button', { name: 'Add to cart' }).first()).toBeVisible();
    },
  },
  {
    name: 'catalog-search',
    reach: async (page) => {
      await page.goto('/');
      await page.getByLabel('Search products').fill('notebook');
      await expect(page.getByText('2 products')).toBeVisible();
    },
  },
  {
    name: 'product',
    reach: async (page) => {
      await page.goto('/p/NOTEBOOK-A5');
      await page.getByRole('button', { name: 'Add to cart' }).click();
      await expect(page.getByRole('button', { name: '1 in your cart' })).toBeVisible();
    },
  },
  {
    name: 'catalog-empty',
    reach: async (page) => {
      await withoutFirstProducts(page);
      await page.route(PRODUCTS, answer(200, { currency: 'eur', products: [] }));
      await page.goto('/');
      await expect(page.getByText('no products at the moment')).toBeVisible();
    },
  },
  {
    name: 'catalog-error',
    reach: async (page) => {
      await withoutFirstProducts(page);
      await page.route(PRODUCTS, answer(503, { code: 'database_unavailable' }));
      await page.goto('/');
      await expect(page.getByRole('button', { name: 'Retry' })).toBeVisible();
    },
  },
  {
    name: 'cart-empty',
    reach: async (page) => {
      await page.goto('/');
      await page.getByRole('button', { name: 'Open cart' }).click();
      await expect(page.getByText('Your cart is empty.')).toBeVisible();
    },
  },
  {
    name: 'cart-full',
    reach: async (page) => {
      await fillCart(page, 'A5 notebook', 'A5 notebook', 'Fountain pen, fine nib', 'Night blue ink, 50 ml');
      await page.getByLabel('Discount code').fill('WELCOME10');
      await page.getByRole('button', { name: 'Apply' }).click();
      await expect(page.getByTestId('discount')).toBeVisible();
    },
  },
  {
    name: 'cart-removed',
    reach: async (page) => {
      await fillCart(page, 'A5 notebook', 'HB pencils, box of six');
      await page.getByRole('button', { name: 'Remove: A5 notebook' }).click();
      await expect(page.getByRole('button', { name: 'Undo' })).toBeFocused();
    },
  },
  {
    name: 'cart-errors',
    reach: async (page) => {
      await page.goto('/');
      await addToCart(page, 'A5 notebook', 'HB pencils, box of six');
      await page.getByRole('button', { name: 'Open cart' }).click();
      await page.getByLabel('Discount code').fill('NO-SUCH-CODE');
      await page.getByLabel('Email', { exact: true }).fill('ana');
      await page.getByRole('button', { name: 'Checkout' }).click();
      await expect(page.locator('#phone-error')).toBeVisible();
      await expect(page.locator('#discount-error')).toBeVisible();
    },
  },
  {
    name: 'cart-line-errors',
    reach: async (page) => {
      await fillCart(page, 'A5 notebook', 'HB pencils, box of six');
      await page.route(QUOTES, invalid('/items/0/sku', 'unavailable_sku', 'A5 notebook is not available.'));
      await page.getByRole('button', { name: 'One more: HB pencils, box of six' }).click();
      await expect(page.getByText(/^A5 notebook: /)).toBeVisible();
    },
  },
  {
    name: 'cart-long-names',
    reach: async (page) => {
      const products = LONG_NAMES.map((name, index) => ({
        ...{ sku: `LONG-${index}`, name, description: name, image_url: null, available: true },
        ...{ unit_amount: 99_999_99, currency: 'eur' },
      }));
      await withoutFirstProducts(page);
      await page.route(PRODUCTS, answer(200, { currency: 'eur', products }));
      await page.route(QUOTES, answer(503, { code: 'database_unavailable' }));
      await page.goto('/');
      for (const name of LONG_NAMES) await addToCart(page, name);
      await page.getByRole('button', { name: 'Open cart' }).click();
      await expect(page.getByTestId('total')).toHaveText('€199,999.98');
      await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
    },
  },
  {
    name: 'notice-unreachable',
    reach: async (page) => {
      await fillCart(page, 'A5 notebook');
      await page.route(CHECKOUT, answer(503, { code: 'stripe_unavailable' }));
      await page.getByRole('button', { name: 'Checkout' }).click();
      await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
    },
  },
  {
    name: 'notice-price-changed',
    reach: async (page) => {
      await fillCart(page, 'A5 notebook');
      await page.route(CHECKOUT, answer(409, { code: 'price_changed', quote: oneNotebookAt(1600) }));
      await page.getByRole('button', { name: 'Checkout' }).click();
      await expect(page.getByText(/A price has changed/)).toBeVisible();
    },
  },
  {
    name: 'notice-placed',
    reach: async (page) => {
      await fillCart(page, 'A5 notebook');
      await page.route(CHECKOUT, answer(409, { code: 'probably_placed', order_id: ORDER_ID, number: 1042 }));
      await page.getByRole('button', { name: 'Checkout' }).click();
      await expect(page.getByRole('button', { name: 'Order anyway' })).toBeVisible();
    },
  },
  {
    name: 'cart-placed',
    reach: async (page) => {
      await returnAfterPaying(page);
      await page.getByRole('button', { name: 'Open cart' }).click();
      await expect(page.getByRole('dialog').getByText('Order 1042 has been placed')).toBeVisible();
    },
  },
  { name: 'catalog-placed', reach: returnAfterPaying },
  {
    name: 'catalog-cart-full',
    reach: async (page) => {
      await page.goto('/');
      const items = Array.from({ length: 100 }, (_, index) => ({ sku: `S${index}`, quantity: 1 }));
      await page.evaluate((cart) => localStorage.setItem('checkout.cart', cart), JSON.stringify({ items, code: '' }));
      await page.reload();
      await addToCart(page, 'A5 notebook');
      await expect(page.getByText('Your cart is full')).toBeVisible();
    },
  },
  {
    name: 'cart-quantity-refused',
    reach: async (page) => {
      await fillCart(page, 'A5 notebook');
      await page.getByLabel('Quantity: A5 notebook').fill('2.5');
      await page.getByLabel('Discount code').focus();
      await expect(page.getByText('“2.5” is not a valid quantity')).toBeVisible();
    },
  },
  {
    name: 'checkout-slow',
    reach: async (page) => {
      await fillCart(page, 'A5 notebook');
      await page.route(CHECKOUT, () => undefined);
      await page.getByRole('button', { name: 'Checkout' }).click();
      await expect(page.getByText(/Preparing the payment page/)).toBeVisible();
    },
  },
  order('success-paid', 'success', 'completed', 'Thank you'),
  order('success-processing', 'success', 'processing', 'Payment processing'),
  order('success-refunded', 'success', 'refunded', 'Refunded'),
  order('success-partly-refunded', 'success', 'partially_refunded', 'Thank you'),
  order('success-disputed', 'success', 'disputed', 'Payment disputed'),
  order('success-waiting', 'success', 'pending', 'Payment processing'),
  order('success-failed', 'success', 'failed', 'Payment not completed'),
  order('cancel-left', 'cancel', 'pending', 'Payment not completed'),
  order('cancel-expired', 'cancel', 'expired', 'Payment not completed'),
  order('cancel-canceled', 'cancel', 'canceled', 'Payment not completed'),
  {
    name: 'unknown-order',
    reach: async (page) => {
      await page.goto('/success?session_id=cs_test_nobody');
      await expect(heading(page, 'Order not found')).toBeVisible();
    },
  },
  {
    name: 'not-found',
    reach: async (page) => {
      await page.goto('/no-such-page');
      await expect(heading(page, 'Page not found')).toBeVisible();
    },
  },
];

/** The catalog after an order was paid in another tab and a pen was added since. */
async function returnAfterPaying(page: Page): Promise<void> {
  const items = [{ sku: 'NOTEBOOK-A5', quantity: 2 }];
  const cart = { items: [...items, { sku: 'PEN-FOUNTAIN', quantity: 1 }], code: '' };
  const orders = [{ id: ORDER_ID, number: 1042, items, at: Date.now() }];
  await page.route(
    ORDER,
    answer(200, {
      number: 1042,
      status: 'completed',
      created_at: '2026-03-02T10:00:00Z',
      ...QUOTE,
      items: QUOTE.items.slice(0, 1),
    }),
  );
  await page.goto('/');
  await page.evaluate(
    (held) => {
      for (const [key, text] of Object.entries(held)) localStorage.setItem(key, text);
    },
    { 'checkout.cart': JSON.stringify(cart), 'checkout.orders': JSON.stringify(orders) },
  );
  await page.reload();
  await expect(page.getByText('Order 1042 has been placed')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Open cart' })).toHaveAccessibleDescription('1 item');
}

function order(name: string, entrance: 'success' | 'cancel', status: string, title: string): State {
  const retry = ['pending', 'failed', 'expired'].includes(status);
  const { items, ...amounts } = QUOTE;
  const refunded = { refunded: 6120, partially_refunded: 1450 }[status];
  const known = {
    number: 1042,
    status,
    created_at: '2026-03-02T10:00:00Z',
    items,
    ...amounts,
    ...(refunded ? { amount_refunded: refunded } : {}),
  };
  const body = retry ? { ...known, retry_url: `/api/stripe-checkout/${ORDER_ID}/retry` } : known;
  const query = entrance === 'success' ? 'session_id=cs_test_1' : `order_id=${ORDER_ID}`;
  return {
    name,
    reach: async (page) => {
      await page.route(ORDER, answer(200, body));
      await page.goto(`/${entrance}?${query}`);
      await expect(heading(page, title)).toBeVisible();
      await expect(page.getByText('Order 1042')).toBeVisible();
    },
  };
}

function oneNotebookAt(unit_amount: number) {
  const items = [{ sku: 'NOTEBOOK-A5', name: 'A5 notebook', unit_amount, quantity: 1, amount: unit_amount }];
  return { items, amount_subtotal: unit_amount, amount_discount: 0, amount_total: unit_amount, currency: 'eur' };
}

function answer(status: number, body: unknown): (route: Route) => Promise<void> {
  return (route) => route.fulfill({ status, json: body });
}

function invalid(pointer: string, code: string, detail: string): (route: Route) => Promise<void> {
  return answer(422, { code: 'invalid_request', errors: [{ pointer, code, detail }] });
}
