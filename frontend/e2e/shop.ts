/** What a shopper does in these tests, in the shopper's words. */

import { expect, type Locator, type Page, test as base } from '@playwright/test';

export const CARD = '4242 4242 4242 4242';
export const DECLINED_CARD = '4000 0000 0000 0002';
export const IBAN_THAT_PAYS = 'AT611904300234573201';
export const IBAN_THAT_FAILS = 'IT60X0542811101000000123456';

interface Fixtures {
  /** Fails the test when the storefront writes an error or a warning to the console. */
  readonly quietConsole: undefined;
}

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  baseURL: async ({}, use) => {
    await use(process.env['CHECKOUT_E2E_URL']);
  },
  quietConsole: [
    async ({ page, baseURL }, use) => {
      const said: string[] = [];
      page.on('pageerror', (error) => said.push(String(error)));
      page.on('console', (message) => {
        const ours = baseURL !== undefined && message.location().url.startsWith(baseURL);
        // The browser itself notes every 4xx; those are answers that the tests ask for.
        const answer = message.text().startsWith('Failed to load resource');
        if (ours && !answer && ['error', 'warning'].includes(message.type())) said.push(message.text());
      });
      await use(undefined);
      expect(said, 'nothing in the console').toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

export async function addToCart(page: Page, ...products: string[]): Promise<void> {
  for (const product of products) {
    await cardOf(page, product).getByRole('button', { name: 'Add to cart', exact: true }).click();
  }
}

export function cardOf(page: Page, product: string): Locator {
  return page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: product, exact: true }) });
}

/** Leaves the cart open, filled in and ready for Checkout. */
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
