/** From the catalog to a product and back: search, the product's page, and what is there without script. */

import { addToCart, cardOf, expect, heading, test } from './shop';

test('a search finds products as one types, and Back from a product comes to the same list', async ({ page }) => {
  await page.goto('/');
  await page.getByLabel('Search products').fill('NOTEBÓOK');
  await expect(page.getByRole('status').filter({ hasText: '2 products' })).toBeVisible();
  await expect(page.getByRole('listitem').filter({ has: page.getByRole('heading', { level: 2 }) })).toHaveCount(2);
  await page.getByRole('link', { name: 'A5 notebook' }).click();
  await expect(heading(page, 'A5 notebook')).toBeVisible();
  await expect(page).toHaveTitle('A5 notebook – Folio');
  await page.goBack();

  await expect(page.getByLabel('Search products')).toHaveValue('NOTEBÓOK');
  await expect(page.getByRole('status').filter({ hasText: '2 products' })).toBeVisible();
});

test('a product is bought from its own page', async ({ page }) => {
  await page.goto('/p/TRAY-OAK');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await page.getByRole('button', { name: '1 in your cart' }).click();

  await expect(page.getByTestId('total')).toHaveText('€34.00');
});

test('what was put into the cart is shown at the product, and leads there', async ({ page }) => {
  await page.goto('/');
  await addToCart(page, 'A5 notebook');
  await addToCart(page, 'A5 notebook');
  await cardOf(page, 'A5 notebook').getByRole('button', { name: '2 in your cart' }).click();

  await expect(page.getByTestId('total')).toHaveText('€29.00');
});

test('prices and buttons of a row stay next to each other once something is in the cart', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto('/');
  await addToCart(page, 'A5 notebook');
  await expect(cardOf(page, 'A5 notebook').getByRole('button', { name: '1 in your cart' })).toBeVisible();
  const tops = await page
    .locator('.card')
    .evaluateAll((cards) =>
      cards
        .slice(0, 4)
        .map((card) =>
          ['.card-text', '.card-buy .button'].map((part) => card.querySelector(part)?.getBoundingClientRect().top),
        ),
    );

  expect(new Set(tops.map(String)).size).toBe(1);
});

test('several pictures of a product are shown one at a time', async ({ page }) => {
  await page.route('**/p/TRAY-OAK', async (route) => {
    const response = await route.fetch();
    const images = '"images":["/products/TRAY-OAK.svg","/products/NOTEBOOK-A5.svg"],';
    const start = 'id="product">{"product":{';
    await route.fulfill({ response, body: (await response.text()).replace(start, `${start}${images}`) });
  });
  await page.goto('/p/TRAY-OAK');
  const second = page.getByRole('button', { name: 'Show picture 2 of 2' });
  await second.click();

  await expect(second).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('.gallery > .picture img')).toHaveAttribute('src', '/products/NOTEBOOK-A5.svg');
});

test('a product that the shop does not have is not found', async ({ page }) => {
  const answer = await page.goto('/p/NO-SUCH');

  expect(answer?.status()).toBe(404);
  await expect(heading(page, 'Page not found')).toBeVisible();
});

test('a picture that cannot be loaded has a stand-in', async ({ page }) => {
  await page.route('**/products/TRAY-OAK.svg', (route) => route.abort());
  await page.goto('/p/TRAY-OAK');
  await expect(heading(page, 'Oak pen tray')).toBeVisible();

  await expect(page.locator('.product .picture svg')).toBeVisible();
  await expect(page.locator('.product .picture img')).toHaveCount(0);
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });

  test('a product has its name, price and description, and the catalog leads to it', async ({ page }) => {
    await page.goto('/');
    await page.getByRole('link', { name: 'A5 notebook' }).click();

    await expect(heading(page, 'A5 notebook')).toBeVisible();
    await expect(page.getByText('€14.50')).toBeVisible();
    await expect(page.getByText('Thread-bound')).toBeVisible();
  });
});
