/** A German-speaking shopper in Austria: every text and price, from the catalog to the confirmation. */

import { overflow } from './overflow';
import { expect, heading, payByCard, test } from './shop';

test.use({ locale: 'de-AT' });

test('Einkaufen auf Deutsch, am kleinsten Telefon', async ({ page }, info) => {
  const look = (name: string) => page.screenshot({ path: `${info.project.outputDir}/looks/german-${name}.png` });
  await page.setViewportSize({ width: 320, height: 640 });
  await page.goto('/');
  await expect(heading(page, 'Schönes zum Schreiben')).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
  await page.getByRole('button', { name: 'In den Warenkorb' }).first().click();
  await look('catalog');
  expect(await overflow(page)).toBeLessThanOrEqual(1);
  await page.getByRole('button', { name: 'Warenkorb öffnen' }).click();
  await expect(page.getByTestId('total')).toHaveText(/^€\s14,50$/);
  await page.getByLabel('Rabattcode').fill('GIBT-ES-NICHT');
  await page.getByRole('button', { name: 'Einlösen' }).click();
  await expect(page.locator('#discount-error')).toHaveText('Rabattcode: Diesen Rabattcode gibt es nicht.');
  await page.getByLabel('Rabattcode').fill('');
  await page.getByLabel('Name', { exact: true }).fill('Ana Berg');
  await page.getByLabel('E-Mail').fill(`ana.deutsch${info.retry}@example.com`); // a second order of the same would be asked about
  await page.getByLabel('Telefon').fill('0660 1234567');
  await page.getByRole('button', { name: 'Zur Kasse' }).click();
  await expect(page.locator('#phone-error')).toHaveText('Telefon: Bitte beginnen Sie mit + und der Ländervorwahl.');
  await expect(page.locator('#phone-error')).toBeInViewport({ ratio: 0.99 });
  await look('cart');
  expect(await overflow(page)).toBeLessThanOrEqual(1);
  await page.getByLabel('Telefon').fill('+43 660 1234567');
  await page.getByRole('button', { name: 'Zur Kasse' }).click();
  await payByCard(page);

  await expect(heading(page, 'Vielen Dank')).toBeVisible();
  await expect(page.getByTestId('total')).toHaveText(/^€\s14,50$/);
  await look('success');
  expect(await overflow(page)).toBeLessThanOrEqual(1);
});

test('the choice in the footer outlives a reload', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'English' }).click();
  await expect(heading(page, 'Good things for writing')).toBeVisible();
  await page.reload();

  await expect(heading(page, 'Good things for writing')).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
});
