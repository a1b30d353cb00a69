/** Reduced motion means none; otherwise, work in progress is animated. */

import type { Page } from '@playwright/test';
import { expect, fillCart, test, withoutFirstProducts } from './shop';

for (const { wish, moves } of [
  { wish: 'no-preference', moves: true },
  { wish: 'reduce', moves: false },
] as const) {
  test(`motion while waiting, with ${wish}`, async ({ page }) => {
    await page.emulateMedia({ reducedMotion: wish });
    await fillCart(page, 'A5 notebook');
    await page.route('**/api/stripe-checkout', () => undefined); // no answer yet
    await page.getByRole('button', { name: 'Checkout' }).click();
    await expect(page.getByText(/preparing the payment page/i)).toBeVisible();
    expect(await isMoving(page)).toBe(moves);

    await withoutFirstProducts(page);
    await page.route('**/api/products', () => undefined);
    await page.reload();
    await expect(page.locator('.skeleton').first()).toBeVisible();
    expect(await isMoving(page)).toBe(moves);
  });
}

/** Animations that end may run; endless ones cannot be escaped. */
async function isMoving(page: Page): Promise<boolean> {
  return page.evaluate(() =>
    document.getAnimations().some(({ effect }) => effect?.getComputedTiming().iterations === Number.POSITIVE_INFINITY),
  );
}
