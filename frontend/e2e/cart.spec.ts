/** The cart before the payment page: what it shows, refuses and remembers. */

import { setPrice } from './backstage';
import { addToCart, cardOf, checkOut, expect, fillCart, heading, payByCard, test } from './shop';

test('the catalog shows a dozen products, one of them not available', async ({ page }) => {
  await page.goto('/');

  await expect(page.getByRole('button', { name: 'Add to cart', exact: true })).toHaveCount(11);
  await expect(cardOf(page, 'Folding desk lamp').getByText('Not available')).toBeVisible();
  const widths = await page.locator('.card img').evaluateAll((images: HTMLImageElement[]) =>
    Promise.all(
      images.map((image) =>
        Object.assign(image, { loading: 'eager' })
          .decode()
          .then(() => image.naturalWidth),
      ),
    ),
  );
  expect(widths).toHaveLength(12);
  expect(Math.min(...widths)).toBeGreaterThan(0);
});

test('quantities, removal and a reload', async ({ page }) => {
  await page.goto('/');
  await addToCart(page, 'A5 notebook', 'A5 notebook', 'HB pencils, box of six');
  await page.getByRole('button', { name: 'Open cart' }).click();
  await expect(page.getByTestId('total')).toHaveText('€37.50');
  await page.getByLabel('Quantity: A5 notebook').fill('10');
  await expect(page.getByTestId('total')).toHaveText('€153.50');
  await page.getByRole('button', { name: 'Remove: HB pencils, box of six' }).click();
  await expect(page.getByTestId('total')).toHaveText('€145.00');
  await page.reload();
  await page.getByRole('button', { name: 'Open cart' }).click();

  await expect(page.getByTestId('total')).toHaveText('€145.00');
});

test('refused codes say why; one that needs more in the cart works once there is more', async ({ page }) => {
  await page.goto('/');
  await addToCart(page, 'A5 notebook');
  await page.getByRole('button', { name: 'Open cart' }).click();
  const error = page.locator('#discount-error');
  for (const code of ['SUMMER25', 'NO-SUCH-CODE', 'FIVEOFF']) {
    await page.getByLabel('Discount code').fill(code);
    await page.getByRole('button', { name: 'Apply' }).click();
    await expect(error).toHaveText(/^Discount code: \S/);
    await expect(error).toHaveAttribute('role', 'alert');
    await expect(page.getByTestId('total')).toHaveText('€14.50');
  }
  await page.getByRole('button', { name: 'One more: A5 notebook' }).click();

  await expect(page.getByTestId('total')).toHaveText('€24.00');
  await expect(error).toHaveCount(0);
});

test('faults that the daemon finds are on their field, which has the focus', async ({ page }) => {
  await fillCart(page, 'A5 notebook');
  await page.getByLabel('Phone', { exact: true }).fill('+999 1234567');
  await page.getByRole('button', { name: 'Checkout' }).click();

  await expect(page.locator('#phone-error')).toHaveText(/^Phone: \S/);
  await expect(page.getByLabel('Phone', { exact: true })).toBeFocused();
});

test('what was removed can be put back by keyboard, and the offer ends after a while', async ({ page }) => {
  await page.clock.install();
  await page.goto('/');
  await addToCart(page, 'A5 notebook', 'HB pencils, box of six');
  await page.getByRole('button', { name: 'Open cart' }).click();
  await page.getByRole('button', { name: 'Remove: A5 notebook' }).click();
  await expect(page.getByTestId('total')).toHaveText('€8.50');
  await expect(page.getByRole('status').filter({ hasText: 'Removed: A5 notebook' })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('total')).toHaveText('€23.00');
  await expect(page.getByRole('button', { name: 'Remove: A5 notebook' })).toBeFocused();
  await page.keyboard.press('Enter');

  await expect(page.getByRole('button', { name: 'Undo' })).toBeFocused();
  await page.clock.fastForward(60_000);
  await expect(page.getByRole('button', { name: 'Undo' })).toBeFocused(); // it does not go while one is about to press it
  await page.keyboard.press('Tab');
  await page.clock.fastForward(10_000);
  await expect(page.getByRole('button', { name: 'Undo' })).toHaveCount(0);
  await expect(page.getByTestId('total')).toHaveText('€8.50');
});

test('a discount that counts has a button to remove it, and the focus goes along', async ({ page }) => {
  await fillCart(page, 'A5 notebook');
  await page.getByLabel('Discount code').fill('WELCOME10');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByText('Code WELCOME10 takes off €1.45')).toBeVisible();
  await expect(page.getByTestId('total')).toHaveText('€13.05');
  await expect(page.getByRole('button', { name: 'Remove the code WELCOME10' })).toBeFocused();
  await page.keyboard.press('Enter');

  await expect(page.getByTestId('total')).toHaveText('€14.50');
  await expect(page.getByLabel('Discount code')).toBeFocused();
  await expect(page.getByLabel('Discount code')).toHaveValue('');
});

test('a quantity at the end of its range leaves the focus where it is', async ({ page }) => {
  await fillCart(page, 'A5 notebook');
  const fewer = page.getByRole('button', { name: 'One fewer: A5 notebook' });
  await page.getByRole('button', { name: 'One more: A5 notebook' }).click();
  await fewer.click();
  await fewer.press('Enter');

  await expect(fewer).toBeFocused();
  await expect(fewer).toHaveAttribute('aria-disabled', 'true');
  await expect(page.getByTestId('total')).toHaveText('€14.50');
});

test('Back closes the cart and stays in the shop', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' }); // its place is measured, not its way there
  await page.setViewportSize({ width: 375, height: 812 });
  await page.goto('/');
  await addToCart(page, 'A5 notebook');
  await page.getByRole('button', { name: 'Open cart' }).click();
  const box = await page.getByRole('dialog').boundingBox();
  expect(box).toMatchObject({ x: 0, y: 0, width: 375, height: 812 });
  await page.goBack();

  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(heading(page, 'Good things for writing')).toBeVisible();
});

test('two tabs share one cart, and neither overwrites what the other did', async ({ page, context }) => {
  await page.goto('/');
  const other = await context.newPage();
  await other.goto('/');
  await addToCart(other, 'A5 notebook');
  await expect(page.getByRole('button', { name: 'Open cart' })).toHaveAccessibleDescription('1 item');
  await addToCart(page, 'HB pencils, box of six');
  await addToCart(other, 'A5 notebook');
  await page.getByRole('button', { name: 'Open cart' }).click();

  await expect(page.getByTestId('total')).toHaveText('€37.50');
  await expect(other.getByRole('button', { name: 'Open cart' })).toHaveAccessibleDescription('3 items');
});

test('a price that changed under the cart is shown on its line, and confirmed before paying', async ({
  page,
}, info) => {
  await fillCart(page, 'Brass clips, tin of twenty');
  await expect(page.getByTestId('total')).toHaveText('€7.50');
  await setPrice(info, 'CLIPS-BRASS', 790);
  try {
    await page.getByRole('button', { name: 'Checkout' }).click();
    const notice = page.getByRole('alert').filter({ hasText: 'A price has changed' });
    await expect(notice).toContainText('€7.50');
    await expect(notice).toContainText('€7.90');
    await expect(page.getByText('The price has gone up since you added this. It was €7.50')).toBeVisible();
    await expect(page.getByTestId('total')).toHaveText('€7.90');
    await checkOut(page);
    await payByCard(page);

    await expect(heading(page, 'Thank you')).toBeVisible();
    await expect(page.getByTestId('total')).toHaveText('€7.90');
  } finally {
    await setPrice(info, 'CLIPS-BRASS', 750);
  }
});
