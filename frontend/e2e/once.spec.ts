/** One checkout makes one order, whatever happens on the way, and an abandoned one can be resumed. */

import { expireSession } from './backstage';
import { checkOut, expect, fillCart, heading, orderNumber, payByCard, test, watchCheckouts } from './shop';

const CHECKOUT = '**/api/stripe-checkout';

test('a double click makes one order', async ({ page }) => {
  await fillCart(page, 'A5 notebook');
  const orders = await watchCheckouts(page);
  await page.getByRole('button', { name: 'Checkout' }).dblclick();
  await expect(page.getByRole('button', { name: 'Pay', exact: true })).toBeVisible();
  await page.goBack();
  await page.getByRole('button', { name: 'Open cart' }).click();
  await checkOut(page);

  expect(new Set(orders.map(({ order_id }) => order_id)).size).toBe(1);
});

test('two tabs that check out the same cart get the same order', async ({ page, context }) => {
  await fillCart(page, 'A5 notebook');
  const other = await context.newPage();
  await other.goto('/');
  await other.getByRole('button', { name: 'Open cart' }).click();
  for (const field of ['Name', 'Email', 'Phone']) {
    const typed = await page.getByLabel(field, { exact: true }).inputValue();
    await other.getByLabel(field, { exact: true }).fill(typed);
  }
  const orders = await watchCheckouts(page);
  const others = await watchCheckouts(other);
  await Promise.all([checkOut(page), checkOut(other)]);

  expect([...orders, ...others]).toHaveLength(2);
  expect(others[0]?.order_id).toBe(orders[0]?.order_id);
});

test('an answer that is lost, and a reload, lead to the same order', async ({ page }) => {
  await fillCart(page, 'A5 notebook');
  let lost = '';
  await page.route(CHECKOUT, async (route) => {
    const answer = await route.fetch();
    lost = ((await answer.json()) as { order_id: string }).order_id;
    await route.abort('connectionreset');
  });
  await page.getByRole('button', { name: 'Checkout' }).click();
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
  await page.unroute(CHECKOUT);
  await page.reload();
  await page.getByRole('button', { name: 'Open cart' }).click();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Ana Berg');
  const orders = await watchCheckouts(page);
  await checkOut(page);

  expect(orders.map(({ order_id }) => order_id)).toEqual([lost]);
});

test('leaving the payment page keeps the cart; Try again pays the same order', async ({ page }) => {
  await fillCart(page, 'Night blue ink, 50 ml');
  await checkOut(page);
  await page.getByRole('link', { name: 'Back' }).click();
  await expect(heading(page, 'Payment not completed')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Open cart' })).toHaveAccessibleDescription('1 item');
  const number = await orderNumber(page);
  await page.getByRole('button', { name: 'Try again' }).click();
  await payByCard(page);

  await expect(heading(page, 'Thank you')).toBeVisible();
  expect(await orderNumber(page)).toBe(number);
});

test('a session that expired can be tried again, as the same order', async ({ page }) => {
  await fillCart(page, 'Night blue ink, 50 ml');
  const checkouts = await watchCheckouts(page);
  await checkOut(page);
  await page.getByRole('link', { name: 'Back' }).click();
  await expect(page.getByText(/You left the payment page/)).toBeVisible();
  const number = await orderNumber(page);
  await expireSession(checkouts[0]?.session_id ?? '');

  await expect(page.getByText(/time to pay has expired/)).toBeVisible();
  await page.getByRole('button', { name: 'Try again' }).click();
  await payByCard(page);
  await expect(heading(page, 'Thank you')).toBeVisible();
  expect(await orderNumber(page)).toBe(number);
});

test('an order that is paid cannot be paid again from an old cancel page', async ({ page }) => {
  await fillCart(page, 'Night blue ink, 50 ml');
  await checkOut(page);
  await page.getByRole('link', { name: 'Back' }).click();
  await expect(heading(page, 'Payment not completed')).toBeVisible();
  const cancelPage = page.url();
  await page.getByRole('button', { name: 'Try again' }).click();
  await payByCard(page);
  await expect(heading(page, 'Thank you')).toBeVisible();
  await page.goto(cancelPage);

  await expect(heading(page, 'Thank you')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Try again' })).toHaveCount(0);
});

test('a session that nobody knows is reported plainly', async ({ page }) => {
  await page.goto('/success?session_id=cs_test_nobody');

  await expect(heading(page, 'Order not found')).toBeVisible();
});
