/** The connection fails midway: nothing is lost, and the shop recovers with it. */

import { checkOut, expect, fillCart, heading, payByCard, test, withoutFirstProducts } from './shop';

test('offline at Checkout: a notice appears, everything is kept, Try again pays one order', async ({
  page,
  context,
}) => {
  await fillCart(page, 'Oak pen tray');
  await expect(page.getByTestId('total')).toHaveText('€34.00');
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Checkout' }).click();
  await expect(page.getByText(/cannot reach the shop/)).toBeVisible();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Ana Berg');
  await context.setOffline(false);
  await page.getByRole('button', { name: 'Try again' }).click();
  await payByCard(page);

  await expect(heading(page, 'Thank you')).toBeVisible();
});

test('offline while the catalog loads: Retry, or the line itself, brings it back', async ({ page, context }) => {
  await withoutFirstProducts(page);
  await page.route('**/api/products', (route) => route.abort('internetdisconnected'), { times: 1 });
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Retry' })).toBeVisible();
  await context.setOffline(true);
  await context.setOffline(false);

  await expect(page.getByRole('button', { name: 'Add to cart' }).first()).toBeVisible();
});

test('the footer, with its links to the shop, does not wait for an answer', async ({ page }) => {
  await withoutFirstProducts(page);
  await page.route('**/api/products', () => undefined); // no answer yet
  await page.goto('/');
  await expect(page.locator('.skeleton').first()).toBeVisible();
  await page.locator('.footer').evaluate((footer) => {
    for (const animation of footer.getAnimations()) animation.finish();
  });

  await expect(page.getByRole('contentinfo')).toBeVisible();
});

test('offline while the order is followed: a notice appears, and the page continues without help', async ({
  page,
  context,
}) => {
  await fillCart(page, 'Oak pen tray');
  await checkOut(page);
  await page.getByRole('link', { name: 'Back' }).click();
  await expect(heading(page, 'Payment not completed')).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByText(/cannot reach the shop at the moment/)).toBeVisible();
  await context.setOffline(false);

  await expect(page.getByText(/cannot reach the shop at the moment/)).toHaveCount(0);
});
