/** A purchase without a mouse, to the payment page and back: every step by Tab, Space, Enter and typing. */

import type { Page } from '@playwright/test';
import { CARD, expect, heading, test } from './shop';

const MOST_TABS = 40;

/** Press Tab until the control with this name has the focus. */
async function tabTo(page: Page, role: 'button' | 'textbox' | 'link', name: string): Promise<void> {
  const target = page.getByRole(role, { name, exact: true }).first();
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`no Tab leads to "${name}"`);
}

test('buying by keyboard alone', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Add to cart' }).first()).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await tabTo(page, 'button', 'Add to cart');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await tabTo(page, 'button', 'Open cart');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Open cart' })).toBeFocused();
  await page.keyboard.press('Enter');

  await tabTo(page, 'textbox', 'Discount code');
  await page.keyboard.type('WELCOME10');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('discount')).toBeVisible();
  await tabTo(page, 'textbox', 'Name');
  await page.keyboard.type('Ana Berg');
  await page.keyboard.press('Tab');
  await page.keyboard.type('ana.keyboard@example.com');
  await page.keyboard.press('Tab');
  await page.keyboard.type('+43 660 1234567');
  await tabTo(page, 'button', 'Checkout');
  await page.keyboard.press('Space');

  await expect(page.getByLabel('Card number')).toBeVisible();
  await page.getByLabel('Card number').focus(); // from here on it is Stripe's page
  await page.keyboard.type(CARD);
  await page.keyboard.press('Tab');
  await page.keyboard.type('12 / 34');
  await page.keyboard.press('Tab');
  await page.keyboard.type('123');
  await page.keyboard.press('Enter');
  await expect(heading(page, 'Thank you')).toBeVisible();
  await tabTo(page, 'link', 'Back to the shop');
  await page.keyboard.press('Enter');
  await expect(heading(page, 'Good things for writing')).toBeVisible();
});
