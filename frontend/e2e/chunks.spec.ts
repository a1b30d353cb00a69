/** Parts of the page that are loaded later: a part that does not come is reported, and nothing is lost. */

import { addToCart, expect, heading, test } from './shop';

test('the cart that could not be loaded is loaded by Try again, with what was put into it', async ({ page }) => {
  const blocked = /assets\/CartDrawer-.*\.js/;
  await page.route(blocked, (route) => route.abort());
  await page.goto('/');
  await addToCart(page, 'Oak pen tray');
  await page.getByRole('button', { name: 'Open cart' }).click();
  await expect(page.getByText('This part of the page could not be loaded. Your cart is saved.')).toBeVisible();
  await page.unroute(blocked);
  await page.getByRole('button', { name: 'Try again' }).click();
  // A browser that remembers the failure gets a new page.
  const open = page.getByRole('button', { name: 'Open cart' });
  const dialog = page.getByRole('dialog');
  await expect(async () => {
    if (!(await dialog.isVisible())) await open.click({ timeout: 2_000 });
    await expect(dialog).toBeVisible({ timeout: 2_000 });
  }).toPass();

  await expect(page.getByTestId('total')).toHaveText('€34.00');
});

test('an order’s page that could not be loaded is loaded by Try again', async ({ page }) => {
  const blocked = /assets\/OrderPage-.*\.js/;
  await page.route(blocked, (route) => route.abort());
  await page.goto('/success?order_id=00000000-0000-4000-8000-000000000000');
  await expect(page.getByText('This part of the page could not be loaded. Your cart is saved.')).toBeVisible();
  await page.unroute(blocked);
  await page.getByRole('button', { name: 'Try again' }).click();

  await expect(heading(page, 'Order not found')).toBeVisible();
});

test('a language is switched to without a word of another one on the way', async ({ page }) => {
  await page.goto('/');
  await page.evaluate(() => {
    const seen = new Set<string>();
    Object.assign(window, { seen });
    const look = () => {
      seen.add(
        `${document.documentElement.lang} ${document.querySelector('.cart-button')?.getAttribute('aria-label')}`,
      );
      requestAnimationFrame(look);
    };
    look();
  });
  await page.getByRole('button', { name: 'Deutsch' }).click();
  await expect(page.getByRole('button', { name: 'Warenkorb öffnen' })).toBeVisible();

  // The page is looked at once a frame, so the last words are there a moment later.
  const seen = () => page.evaluate(() => [...(window as unknown as { seen: Set<string> }).seen]);
  await expect.poll(seen).toEqual(['en Open cart', 'de Warenkorb öffnen']);
});

test('a chosen language is there from the first text on', async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem('checkout.language', '"de"'));
  await page.addInitScript(() => {
    new MutationObserver(() => {
      const label = document.querySelector('.cart-button')?.getAttribute('aria-label');
      if (label && label !== 'Warenkorb öffnen') document.documentElement.dataset['flicker'] = label;
    }).observe(document, { childList: true, subtree: true, attributes: true });
  });
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Warenkorb öffnen' })).toBeVisible();

  await expect(page.locator('html')).not.toHaveAttribute('data-flicker');
});
