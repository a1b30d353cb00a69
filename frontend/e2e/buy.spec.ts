/** A whole purchase: add to the cart, check out, pay, and return to a page that shows the true outcome. */

import {
  CARD,
  CARD_WITH_3D_SECURE,
  checkOut,
  DECLINED_CARD,
  expect,
  fillCart,
  heading,
  IBAN_THAT_FAILS,
  IBAN_THAT_PAYS,
  orderNumber,
  payByCard,
  payByDebit,
  test,
} from './shop';

test('buy with a card; reload and Back are safe', async ({ page }) => {
  await fillCart(page, 'A5 notebook', 'HB pencils, box of six');
  await expect(page.getByTestId('total')).toHaveText('€23.00');
  await checkOut(page);
  await payByCard(page);

  await expect(heading(page, 'Thank you')).toBeVisible();
  await expect(page.getByTestId('total')).toHaveText('€23.00');
  await expect(page.getByText('A5 notebook')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Open cart' })).toHaveAccessibleDescription('0 items');
  const number = await orderNumber(page);
  await page.reload();
  await expect(heading(page, 'Thank you')).toBeVisible();
  expect(await orderNumber(page)).toBe(number);
  await page.getByRole('link', { name: 'Back to the shop' }).click();
  await expect(heading(page, 'Good things for writing')).toBeVisible();
  await page.goBack();
  await expect(heading(page, 'Thank you')).toBeVisible();
});

test('a discount holds from the cart to the confirmation', async ({ page }) => {
  await fillCart(page, 'Fountain pen, fine nib');
  await page.getByLabel('Discount code').fill('WELCOME10');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByTestId('discount')).toHaveText('−€3.90');
  await expect(page.getByTestId('total')).toHaveText('€35.10');
  await checkOut(page);
  await expect(page.getByText(/35[.,]10/).first()).toBeVisible();
  await payByCard(page);

  await expect(heading(page, 'Thank you')).toBeVisible();
  await expect(page.getByTestId('total')).toHaveText('€35.10');
});

test('a hundred per cent off: nothing to pay, no card asked for', async ({ page }) => {
  await fillCart(page, 'Oak pen tray');
  await page.getByLabel('Discount code').fill('FREE100');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByTestId('total')).toHaveText('€0.00');
  await checkOut(page);
  await expect(page.getByLabel('Card number')).toHaveCount(0);
  await page.getByRole('button', { name: 'Pay', exact: true }).click();

  await expect(heading(page, 'Thank you')).toBeVisible();
  await expect(page.getByTestId('total')).toHaveText('€0.00');
});

test('a declined card can be followed by a good one on the same page', async ({ page }) => {
  await fillCart(page, 'A5 notebook');
  await checkOut(page);
  await payByCard(page, DECLINED_CARD);
  await expect(page.getByText(/declined/i).first()).toBeVisible();
  await payByCard(page, CARD);

  await expect(heading(page, 'Thank you')).toBeVisible();
});

test('a card that asks for 3-D Secure pays once the bank has its answer', async ({ page }) => {
  await fillCart(page, 'A5 notebook');
  await checkOut(page);
  await payByCard(page, CARD_WITH_3D_SECURE);
  await page.getByRole('button', { name: 'Complete authentication' }).click();

  await expect(heading(page, 'Thank you')).toBeVisible();
});

test('a bank debit is processing first and thanked for later', async ({ page }) => {
  await fillCart(page, 'Letter paper, 50 sheets');
  await checkOut(page);
  await payByDebit(page, IBAN_THAT_PAYS);
  await expect(heading(page, 'Payment processing')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Open cart' })).toHaveAccessibleDescription('0 items');

  await expect(heading(page, 'Thank you')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Open cart' })).toHaveAccessibleDescription('0 items');
});

test('a bank debit that fails gives the cart back, and the order can be paid in another way', async ({ page }) => {
  await fillCart(page, 'Letter paper, 50 sheets');
  await checkOut(page);
  await payByDebit(page, IBAN_THAT_FAILS);
  await page.waitForURL('**/success?**');

  await expect(heading(page, 'Payment not completed')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Open cart' })).toHaveAccessibleDescription('1 item');
  const number = await orderNumber(page);
  await page.getByRole('button', { name: 'Try again' }).click();
  await payByCard(page);
  await expect(heading(page, 'Thank you')).toBeVisible();
  expect(await orderNumber(page)).toBe(number);
});
