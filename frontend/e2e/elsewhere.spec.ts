/** A storefront that is hosted elsewhere sells through the daemon where CHECKOUT_CORS_ORIGINS allows it, and only there. */

import { expect, heading, payByCard, test } from './shop';

const allowed = () => process.env['CHECKOUT_E2E_OTHER_ORIGIN'] ?? '';

test('another shop on an allowed origin sells with the typed client', async ({ page, baseURL }) => {
  await page.goto(`${allowed()}/?daemon=${baseURL}`);
  await page.getByLabel('Email').fill('ana');
  await page.getByRole('button', { name: 'Buy' }).click();
  await expect(page.getByRole('status')).toHaveText('invalid_request /customer/email');
  await page.getByLabel('Email').fill('ana.elsewhere@example.com');
  await page.getByRole('button', { name: 'Buy' }).click();
  await payByCard(page);

  await expect(heading(page, 'Thank you')).toBeVisible();
  await expect(page.getByTestId('total')).toHaveText('€26.10');
});

test('on any other origin the browser keeps the answers from it', async ({ page, baseURL }) => {
  const other = allowed().replace('127.0.0.1', 'localhost'); // the same page, but not the same origin
  await page.goto(`${other}/?daemon=${baseURL}`);
  await page.getByRole('button', { name: 'Buy' }).click();

  await expect(page.getByRole('status')).toHaveText('network');
});
