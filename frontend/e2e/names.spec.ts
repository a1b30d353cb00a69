/** The names that outside scripts rely on: each matches exactly one element, whatever is open. */

import type { Page } from '@playwright/test';
import { addToCart, cardOf, checkOut, expect, fillCart, heading, test } from './shop';

const CART = ['Open cart', 'Apply', 'Checkout'];
const FIELDS = ['Name', 'Email', 'Phone', 'Discount code'];

async function expectOneOfEach(page: Page, buttons: readonly string[], fields: readonly string[]): Promise<void> {
  for (const name of buttons) await expect(page.getByRole('button', { name, exact: true })).toHaveCount(1);
  for (const name of fields) {
    await expect(page.getByLabel(name, { exact: true })).toHaveCount(1);
    await expect(page.getByRole('textbox', { name, exact: true })).toHaveCount(1);
  }
  // The open cart is modal: nobody reaches the page behind it.
  const dialog = page.getByRole('dialog');
  const scope = (await dialog.isVisible()) ? dialog : page.getByRole('main');
  await expect(scope.getByTestId('total')).toHaveCount(1);
}

test('all of a checkout is in one view, each part once, also where everything is wrong', async ({ page }) => {
  await page.goto('/');
  await expect(cardOf(page, 'A5 notebook').getByRole('button', { name: 'Add to cart', exact: true })).toHaveCount(1);
  await addToCart(page, 'A5 notebook', 'HB pencils, box of six');
  await page.getByRole('button', { name: 'Open cart', exact: true }).click();
  await expectOneOfEach(page, CART, FIELDS);

  await page.getByLabel('Discount code', { exact: true }).fill('NO-SUCH-CODE');
  await page.getByRole('button', { name: 'Apply', exact: true }).click();
  await page.getByRole('button', { name: 'Checkout', exact: true }).click();
  for (const [field, name] of [
    ['name', 'Name'],
    ['email', 'Email'],
    ['phone', 'Phone'],
    ['discount', 'Discount code'],
  ]) {
    const error = page.locator(`[id="${field}-error"]`);
    await expect(error).toHaveCount(1);
    await expect(error).toHaveAttribute('role', 'alert');
    await expect(error).toHaveText(new RegExp(`^${name}: \\S`));
  }
  await expectOneOfEach(page, CART, FIELDS);
});

test('the cart over an order that can be tried again: still one Try again, one total', async ({ page }) => {
  await fillCart(page, 'A5 notebook');
  await checkOut(page);
  await page.getByRole('link', { name: 'Back' }).click();
  await expect(heading(page, 'Payment not completed')).toBeVisible();
  await expectOneOfEach(page, ['Open cart', 'Try again'], []);

  await page.route('**/api/stripe-checkout', (route) => route.fulfill({ status: 503, json: {} }));
  await page.getByRole('button', { name: 'Open cart', exact: true }).click();
  await expectOneOfEach(page, CART, FIELDS);
  await page.getByRole('button', { name: 'Checkout', exact: true }).click();
  await expect(page.getByText(/You have not been charged/).last()).toBeVisible();
  await expectOneOfEach(page, [...CART, 'Try again'], FIELDS);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Open cart', exact: true })).toBeFocused();
  await expectOneOfEach(page, ['Open cart', 'Try again'], []);
});
