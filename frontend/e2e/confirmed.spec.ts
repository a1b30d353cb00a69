/** The total that the browser estimates at once, and the quote that confirms or corrects it. */

import { addToCart, expect, test, withoutFirstProducts } from './shop';

test('a known discount is estimated at once, also after a reload, while the quote is still on its way', async ({
  page,
}) => {
  await page.goto('/');
  await addToCart(page, 'A5 notebook', 'HB pencils, box of six');
  await page.getByRole('button', { name: 'Open cart' }).click();
  await page.getByLabel('Discount code').fill('WELCOME10');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByTestId('total')).toHaveText('€20.70');
  await page.reload();
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await page.route('**/api/quotes', async (route) => {
    await answered;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Open cart' }).click();
  await page.getByRole('button', { name: 'One more: A5 notebook' }).click();

  await expect(page.getByTestId('total')).toHaveText('€33.75');
  await expect(page.getByTestId('discount')).toHaveText('−€3.75');
  answer();
  await expect(page.locator('dl[aria-busy="false"]').getByTestId('total')).toHaveText('€33.75');
  await expect(page.getByText('A price has changed')).toHaveCount(0);
});

test('where the shop tells another total it wins, and the change is shown', async ({ page }) => {
  await page.route('**/api/products', async (route) => {
    const response = await route.fetch();
    const catalog = (await response.json()) as { products: { sku: string; unit_amount: number }[] };
    for (const product of catalog.products) if (product.sku === 'NOTEBOOK-A5') product.unit_amount = 1000;
    await route.fulfill({ response, json: catalog });
  });
  await withoutFirstProducts(page);
  await page.goto('/');
  await addToCart(page, 'A5 notebook');
  await page.getByRole('button', { name: 'Open cart' }).click();

  const notice = page.getByRole('alert').filter({ hasText: 'A price has changed' });
  await expect(notice).toContainText('the total was €10.00 and is now €14.50');
  await expect(page.getByTestId('total')).toHaveText('€14.50');
  await page.getByRole('button', { name: 'One more: A5 notebook' }).click();
  await expect(page.getByTestId('total')).toHaveText('€29.00');
  await expect(notice).toHaveCount(0);
});
