/** Another shop from one file: downloads for dollars, colours of its own, a third language, and no phone number. */

import AxeBuilder from '@axe-core/playwright';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DevShop, startShop } from './devShop';
import { overflow } from './overflow';
import { expect, heading, payByCard, test } from './shop';

const SHOP = `
name = "Bits & Bytes"
tagline = "fonts and sounds"
heading = "Fonts, sounds and scores"
description = "Downloads for people who make things."
locale = "en-US"
currency = "usd"
languages = ["en", "pl"]
translations = "FOLDER"
phone = "off"
after_payment = ["The link to your download is in your mail."]

[colors]
accent = "#7a1f5c"
paper = "#fffaf2"

[texts.pl]
tagline = "fonty i dźwięki"
heading = "Fonty, dźwięki i nuty"
`;
const POLISH = {
  language: { name: 'Polski', direction: 'ltr' },
  catalog: { add: 'Do koszyka' },
  cart: {
    open: 'Otwórz koszyk',
    heading: 'Twój koszyk',
    count: { one: '{count} rzecz', few: '{count} rzeczy', many: '{count} sztuk', other: '{count} rzeczy' },
  },
  fields: { name: 'Imię i nazwisko' },
  order: { thanks: 'Dziękujemy' },
};
const PRODUCTS = `sku,name,description,unit_amount,currency
FONT-1,Żółw Serif,"A **serif** for long texts.

- 8 weights
- Latin and Cyrillic",2900,usd
SOUND-1,Rain on a roof,Forty minutes in two channels.,900,usd
SCORE-1,Étude in D,"For piano, four pages.",450,usd
`;

const PROGRAM = fileURLToPath(new URL('../../.venv/bin/checkout', import.meta.url));

let folder = '';
let shop: DevShop | undefined;

test.describe.configure({ mode: 'serial' });
// biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
test.use({ baseURL: async ({}, use) => use(shop?.url) });

test.beforeAll(async () => {
  test.setTimeout(150_000);
  folder = mkdtempSync(join(tmpdir(), 'checkout-second-'));
  writeFileSync(join(folder, 'pl.json'), JSON.stringify(POLISH));
  shop = await startShop({}, SHOP.replace('FOLDER', folder));
  const file = join(shop.state, 'products.csv');
  writeFileSync(file, PRODUCTS);
  execFileSync(PROGRAM, ['catalog', 'import', file], {
    env: { PATH: process.env['PATH'], CHECKOUT_STATE_DIR: shop.state },
  });
});

test.afterAll(async () => {
  await shop?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('it has its own name, colours and prices, and asks for no phone number', async ({ page }, info) => {
  await page.goto('/');
  await expect(heading(page, 'Fonts, sounds and scores')).toBeVisible();
  await expect(page).toHaveTitle('Bits & Bytes – fonts and sounds');
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 250, 242)');
  await page.screenshot({ path: info.outputPath('catalog.png') });
  await page.getByRole('link', { name: 'Żółw Serif' }).click();
  await expect(page.getByText('8 weights')).toBeVisible();
  await page.screenshot({ path: info.outputPath('product.png') });
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await page.getByRole('button', { name: '1 in your cart' }).click();
  await expect(page.getByTestId('total')).toHaveText('US$29.00');
  await expect(page.getByLabel('Phone')).toHaveCount(0);
  await page.getByLabel('Name', { exact: true }).fill('Ana Berg');
  await page.getByLabel('Email', { exact: true }).fill('ana.bits@example.com');
  await page.getByRole('button', { name: 'Checkout' }).click();
  await expect(page.locator('.brand')).toHaveText('Bits & Bytes');
  await payByCard(page);

  await expect(heading(page, 'Thank you')).toBeVisible();
  await expect(page.getByText('The link to your download is in your mail.')).toBeVisible();
});

test('its third language has the plurals of that language, and English where a text is missing', async ({
  page,
}, info) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await page.goto('/');
  await page.getByRole('button', { name: 'Polski' }).click();
  await expect(heading(page, 'Fonty, dźwięki i nuty')).toBeVisible();
  const open = page.getByRole('button', { name: 'Otwórz koszyk' });
  const add = page.getByRole('button', { name: 'Do koszyka' }).first();
  for (const count of ['1 rzecz', '2 rzeczy', '3 rzeczy', '4 rzeczy', '5 sztuk']) {
    await add.click();
    await expect(open).toHaveAccessibleDescription(count);
  }
  await open.click();
  await expect(page.getByLabel('Imię i nazwisko')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Checkout' })).toBeVisible();
  await page.screenshot({ path: info.outputPath('polish.png') });

  expect(await overflow(page)).toBeLessThanOrEqual(1);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  expect(violations.map(({ id }) => id)).toEqual([]);
});
