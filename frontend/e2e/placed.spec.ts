/** A placed order empties its cart, however the shopper returns, so that nobody pays for the same items twice. */

import type { Page } from '@playwright/test';
import {
  addToCart,
  checkOut,
  expect,
  fillCart,
  heading,
  IBAN_THAT_PAYS,
  payByCard,
  payByDebit,
  test,
  watchCheckouts,
} from './shop';

const cart = (page: Page) => page.getByRole('button', { name: 'Open cart' });
const ORDER_AGAIN = { name: 'Order anyway' };

/** Pay in a tab whose success page never loads, and wait until the shop knows about the payment. */
async function payAndNeverComeBack(page: Page): Promise<void> {
  const order = await watchCheckouts(page);
  await checkOut(page);
  await page.route('**/c/pay/**', async (route) => {
    await route.fetch({ maxRedirects: 0 }); // the payment is made, and the way back to the shop is lost
    await route.fulfill({ status: 204 });
  });
  await payByCard(page);
  const path = `/api/stripe-checkout/${order[0]?.order_id}`;
  await expect.poll(async () => (await (await page.request.get(path)).json()).status).toBe('completed');
}

/** Open another tab of the same browser, with the same cart and shopper, whose phone number is written differently. */
async function typeAgain(page: Page, email: string): Promise<void> {
  await cart(page).click();
  await page.getByLabel('Name', { exact: true }).fill('Ana Berg');
  await page.getByLabel('Email', { exact: true }).fill(email);
  await page.getByLabel('Phone', { exact: true }).fill('+436601234567');
}

test('a bank debit that takes days: what is added meanwhile is all that the next order has', async ({ page }) => {
  await fillCart(page, 'A5 notebook', 'Fountain pen, fine nib');
  await checkOut(page);
  await payByDebit(page, IBAN_THAT_PAYS);
  await expect(heading(page, 'Payment processing')).toBeVisible();
  await page.getByRole('link', { name: 'Back to the shop' }).click();
  await addToCart(page, 'Night blue ink, 50 ml');
  await cart(page).click();

  await expect(page.locator('.line')).toHaveCount(1);
  await expect(page.getByTestId('total')).toHaveText('€16.50');
});

test('a success page that never loads: the cart is empty in a new tab, which explains it', async ({
  page,
  context,
}) => {
  await fillCart(page, 'A5 notebook', 'Fountain pen, fine nib');
  await payAndNeverComeBack(page);
  const other = await context.newPage();
  await other.goto('/');

  await expect(other.getByText(/Order \d+ has been placed. Its items are no longer in your cart/)).toBeVisible();
  await expect(cart(other)).toHaveAccessibleDescription('0 items');
  await other.getByRole('link', { name: /View order/ }).click();
  await expect(heading(other, 'Thank you')).toBeVisible();
});

test('a tab that was open all along hears of it before it checks out', async ({ page, context }) => {
  await fillCart(page, 'A5 notebook');
  const other = await context.newPage();
  await other.goto('/');
  await typeAgain(other, await page.getByLabel('Email', { exact: true }).inputValue());
  await payAndNeverComeBack(page);
  await other.getByRole('button', { name: 'Checkout' }).click();

  await expect(other.getByRole('dialog').getByText(/Its items are no longer in your cart/)).toBeVisible();
  await expect(other.getByText('Your cart is empty.')).toBeVisible();
});

test('the same goods once more, in this browser or another, are asked about and can be insisted on', async ({
  page,
  context,
  browser,
  baseURL,
}) => {
  await fillCart(page, 'A5 notebook');
  const email = await page.getByLabel('Email', { exact: true }).inputValue();
  await payAndNeverComeBack(page);

  const elsewhere = await browser.newContext(baseURL ? { baseURL } : {});
  for (const tab of [await context.newPage(), await elsewhere.newPage()]) {
    await tab.goto('/');
    await addToCart(tab, 'A5 notebook');
    await typeAgain(tab, email);
    await tab.getByRole('button', { name: 'Checkout' }).click();
    await expect(tab.getByText(/You have already ordered exactly these items, in order \d+/)).toBeVisible();
    await tab.getByRole('button', ORDER_AGAIN).click();
    await expect(tab.getByRole('button', { name: 'Pay', exact: true })).toBeVisible();
  }
  await elsewhere.close();
});
