/** What a shopper does in these tests, as functions. */

import { expect, type Locator, type Page } from '@playwright/test';

export { test } from './careful';

export const CARD = '4242 4242 4242 4242';
export const CARD_WITH_3D_SECURE = '4000 0027 6000 3184';
export const DECLINED_CARD = '4000 0000 0000 0002';
/** Pay by a slow method, to see the order before it is paid. */
export const IBAN_THAT_PAYS = 'AT321904300235473204';
export const IBAN_THAT_FAILS = 'IT60X0542811101000000123456';

export { expect };

export async function addToCart(page: Page, ...products: string[]): Promise<void> {
  for (const product of products) {
    await cardOf(page, product).getByRole('button', { name: 'Add to cart', exact: true }).click();
  }
}

/** Take the first products out of the page, so that it has to ask for them. */
export async function withoutFirstProducts(page: Page): Promise<void> {
  await page.route(
    (url) => url.pathname === '/',
    async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(/<script type="application\/json" id="catalog">.*?<\/script>/s, '');
      await route.fulfill({ response, body });
    },
  );
}

export function cardOf(page: Page, product: string): Locator {
  return page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: product, exact: true }) });
}

/** Fill the cart and the form, and leave the cart open, ready for Checkout. */
export async function fillCart(page: Page, ...products: string[]): Promise<void> {
  await page.goto('/');
  await addToCart(page, ...products);
  await page.getByRole('button', { name: 'Open cart' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Ana Berg');
  await page.getByLabel('Email', { exact: true }).fill(`ana.${crypto.randomUUID()}@example.com`);
  await page.getByLabel('Phone', { exact: true }).fill('+43 660 1234567');
}

export async function checkOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Checkout' }).click();
  await expect(page.getByRole('button', { name: 'Pay', exact: true })).toBeVisible();
}

export async function payByCard(page: Page, number = CARD): Promise<void> {
  const card = page.getByRole('radio', { name: 'Card', exact: true });
  if (await card.isVisible()) await card.check();
  await page.getByLabel('Card number').fill(number);
  await page.getByLabel('Expiry').fill('12 / 34');
  await page.getByLabel('CVC').fill('123');
  await page.getByRole('button', { name: 'Pay', exact: true }).click();
}

export async function payByDebit(page: Page, iban: string): Promise<void> {
  await page.getByRole('radio', { name: 'Bank debit' }).check();
  await page.getByLabel('IBAN').fill(iban);
  await page.getByRole('button', { name: 'Pay', exact: true }).click();
}

export function heading(page: Page, name: string): Locator {
  return page.getByRole('heading', { level: 1, name });
}

/** The order that a return page shows. */
export async function orderNumber(page: Page): Promise<string> {
  return (await page.getByText(/^Order \d+$/).textContent()) ?? '';
}

interface CheckoutAnswer {
  readonly order_id: string;
  readonly session_id: string;
}

/** The answer to each press on Checkout, read in transit because the page is left soon after. */
export async function watchCheckouts(page: Page): Promise<CheckoutAnswer[]> {
  const answers: CheckoutAnswer[] = [];
  await page.route('**/api/stripe-checkout', async (route) => {
    const answer = await route.fetch();
    answers.push((await answer.json()) as CheckoutAnswer);
    await route.fulfill({ response: answer });
  });
  return answers;
}
