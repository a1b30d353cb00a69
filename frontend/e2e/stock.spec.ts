/** Counted products: what is left is shown, and what sold out meanwhile is shown at its line of the cart. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type DevShop, startShop } from './devShop';
import { addToCart, cardOf, checkOut, expect, fillCart, heading, payByCard, test, watchCheckouts } from './shop';

const PROGRAM = fileURLToPath(new URL('../../.venv/bin/checkout', import.meta.url));

let shop: DevShop | undefined;

test.describe.configure({ mode: 'serial' });
// biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
test.use({ baseURL: async ({}, use) => use(shop?.url) });
test.beforeAll(async () => {
  test.setTimeout(120_000);
  shop = await startShop({});
});
test.afterAll(() => shop?.stop());

function setStock(sku: string, stock: number): void {
  execFileSync(PROGRAM, ['stock', 'set', sku, String(stock)], {
    env: { PATH: process.env['PATH'], CHECKOUT_STATE_DIR: shop?.state },
    stdio: 'ignore',
  });
}

test('what is left is shown, goes down with an order, and ends in "Not available"', async ({ page }) => {
  setStock('TRAY-OAK', 2);
  const card = cardOf(page, 'Oak pen tray');
  await expect(async () => {
    await page.goto('/');
    await expect(card.getByText('Only 2 left')).toBeVisible({ timeout: 500 });
  }).toPass();

  await fillCart(page, 'Oak pen tray');
  await checkOut(page);
  await payByCard(page);
  await expect(heading(page, 'Thank you')).toBeVisible();
  await expect(async () => {
    await page.goto('/');
    await expect(card.getByText('Only 1 left')).toBeVisible({ timeout: 500 });
  }).toPass();

  setStock('TRAY-OAK', 0);
  await expect(async () => {
    await page.goto('/');
    await expect(card.getByText('Not available')).toBeVisible({ timeout: 500 });
  }).toPass();
  await expect(card.getByRole('button', { name: 'Add to cart' })).toHaveCount(0);
});

test('what sells out while it is in the cart is named at its line, and the rest can be bought', async ({ page }) => {
  setStock('INK-NIGHT-BLUE', 9);
  await fillCart(page, 'A5 notebook', 'Night blue ink, 50 ml');
  await expect(page.getByTestId('total')).toHaveText('€31.00');
  setStock('INK-NIGHT-BLUE', 0);
  await page.getByRole('button', { name: 'Checkout' }).click();

  const line = (sku: string) => page.getByRole('dialog').locator(`[data-sku="${sku}"]`);
  await expect(line('INK-NIGHT-BLUE').getByRole('alert')).toContainText('sold out');
  await expect(line('NOTEBOOK-A5').getByRole('alert')).toHaveCount(0);
  await expect(page).toHaveURL(/\/$/);

  await line('INK-NIGHT-BLUE').locator('.text-button').click();
  await expect(page.getByTestId('total')).toHaveText('€14.50');
  await checkOut(page);
});

test('more than there is is refused at its line, with what is left', async ({ page }) => {
  setStock('CLIPS-BRASS', 3);
  await page.goto('/');
  await addToCart(page, 'A5 notebook', 'Brass clips, tin of twenty');
  await page.getByRole('button', { name: 'Open cart' }).click();
  const line = page.getByRole('dialog').locator('[data-sku="CLIPS-BRASS"]');
  await line.getByRole('textbox').fill('7');
  await page.keyboard.press('Tab');

  await expect(line.getByRole('alert')).toHaveText('Brass clips, tin of twenty: Only 3 left');
  await expect(page.getByTestId('total')).toHaveText('–');
});

test('the last piece, reserved by the shopper’s own unpaid order: Checkout leads to its payment page', async ({
  page,
}) => {
  setStock('TAPE-PAPER', 1);
  await fillCart(page, 'Paper tape, four rolls');
  const orders = await watchCheckouts(page);
  await checkOut(page);
  await expect(async () => {
    await page.goto('/');
    await page.getByRole('button', { name: 'Open cart' }).click();
    await expect(page.getByText(/with exactly these items, is not paid yet/)).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await checkOut(page);

  expect(orders).toHaveLength(2);
  expect(orders[1]?.order_id).toBe(orders[0]?.order_id);
});
