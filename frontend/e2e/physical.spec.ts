/** A shop that sends goods: three zones and two rates of VAT, with its own form and with Stripe's page. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import AxeBuilder from '@axe-core/playwright';
import { type DevShop, startShop } from './devShop';
import { addToCart, checkOut, expect, heading, orderNumber, payByCard, test } from './shop';

const PROGRAM = fileURLToPath(new URL('../../.venv/bin/checkout', import.meta.url));
const SHOP_FILE = `
name = "Folio"
currency = "eur"
seller = ["Folio GmbH", "Ring 1, 1010 Wien", "VAT ATU12345678"]

[shipping]
address = "form"

[shipping.zones]
home = ["AT"]
near = ["DE", "IT"]
far = ["US"]

[shipping.rates.post]
zone = "home"
label = { en = "Mail", de = "Post" }
estimate = { en = "2 to 3 days", de = "2 bis 3 Tage" }
amount = 490
free_from = 9000

[shipping.rates.express]
zone = "home"
label = "Express"
amount = 1290

[shipping.rates.near]
zone = "near"
label = "Parcel"
amount = [[0, 990], [3000, 690]]

[shipping.rates.far]
zone = "far"
label = "Air mail"
amount = 2490

[tax]
country = "AT"
label = { en = "VAT", de = "USt." }

[tax.rates.standard]
AT = 20
DE = 19

[tax.rates.reduced]
AT = 10
DE = 7

[tax.classes]
reduced = ["NOTEBOOK-*"]
`;

let shop: DevShop;

test.describe('with our form', () => {
  test.beforeAll(async () => {
    test.setTimeout(120_000);
    shop = await startShop({}, SHOP_FILE);
  });
  test.afterAll(() => shop.stop());

  test('the shopper chooses where and how, pays what was shown, and the order is shipped', async ({ page }, info) => {
    await page.goto(shop.url);
    await addToCart(page, 'A5 notebook', 'Fountain pen, fine nib');
    await page.getByRole('button', { name: 'Open cart' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Ana Berg');
    await page.getByLabel('Email', { exact: true }).fill('ana@example.com');
    await page.getByLabel('Phone', { exact: true }).fill('+43 660 1234567');
    await page.getByLabel('Country').selectOption({ label: 'Germany' });
    await expect(page.getByTestId('shipping')).toHaveText('€6.90');
    await page.getByLabel('Country').selectOption({ label: 'Austria' });
    await page.getByRole('radio', { name: /^Mail/ }).check();
    await expect(page.getByTestId('total')).toHaveText('€58.40');
    await expect(page.getByTestId('tax').first()).toHaveText('includes €7.31 VAT (20 %)');
    await expect(page.getByTestId('tax').last()).toHaveText('includes €1.32 VAT (10 %)');

    await page.getByLabel('Street and number').fill('Ring 1');
    await page.getByLabel('Postal code').fill('12');
    await page.getByLabel('Town').fill('Wien');
    await page.getByRole('button', { name: 'Checkout' }).click();
    await expect(page.getByLabel('Postal code')).toBeFocused();
    await page.getByLabel('Postal code').fill('1010');
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);

    await checkOut(page);
    await expect(page.getByText('58.40 EUR').first()).toBeVisible();
    await payByCard(page);
    await expect(heading(page, 'Thank you')).toBeVisible();
    await expect(page.getByTestId('shipping')).toHaveText('€4.90');
    await expect(page.getByTestId('tax')).toHaveCount(2);

    const number = (await orderNumber(page)).replace(/\D/g, '');
    await checkout('orders', 'ship', number, '--carrier', 'DHL', '--tracking', '0034');
    await checkout('orders', 'refund', number, '--amount', '490', '--yes');
    await page.reload();
    await expect(page.getByText('on its way to you')).toBeHidden(); // the refund is shown instead
    await expect(page.getByTestId('parcel')).toContainText('with DHL');
    await expect(page.getByTestId('refund')).toContainText('€4.90');
    await page.screenshot({ path: info.outputPath('sent.png'), fullPage: true });
    await page.emulateMedia({ media: 'print' });
    await expect(page.getByText('Folio GmbH')).toBeVisible();
    await expect(page.getByText(/^Ordered on .+, paid on /)).toBeVisible();
    await page.screenshot({ path: info.outputPath('printed.png'), fullPage: true });
    await page.emulateMedia({ media: 'screen' });
    await expect(page.getByText('Folio GmbH')).toBeHidden();
    const { stdout } = await checkout('orders', 'show', number, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ status: 'partially_refunded', amount_total: 5840, amount_shipping: 490, amount_tax: 863 },
      shipping: { label: 'Mail', carrier: 'DHL', tracking_number: '0034', address: { city: 'Wien', country: 'AT' } },
    });
  });
});

test.describe("with Stripe's page", () => {
  test.beforeAll(async () => {
    test.setTimeout(120_000);
    shop = await startShop({}, SHOP_FILE.replace('"form"', '"stripe"'));
  });
  test.afterAll(() => shop.stop());

  test('the address is asked there, in the country that was priced', async ({ page }) => {
    await page.goto(shop.url);
    await addToCart(page, 'A5 notebook');
    await page.getByRole('button', { name: 'Open cart' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Ana Berg');
    await page.getByLabel('Email', { exact: true }).fill('ana@example.com');
    await page.getByLabel('Phone', { exact: true }).fill('+43 660 1234567');
    await page.getByLabel('Country').selectOption({ label: 'United States' });
    await expect(page.getByTestId('shipping')).toHaveText('€24.90');
    await expect(page.getByLabel('Street and number')).toHaveCount(0);
    await checkOut(page);
    const fields = {
      name: 'Bob Stone',
      line1: '1 Main Street',
      city: 'Los Angeles',
      state: 'CA',
      postal_code: '90001',
    };
    for (const [name, text] of Object.entries(fields)) await page.locator(`[name=shipping_${name}]`).fill(text);
    await page.locator('[name=shipping_country]').selectOption('US');
    await payByCard(page);
    await expect(heading(page, 'Thank you')).toBeVisible();
    const number = (await orderNumber(page)).replace(/\D/g, '');
    const { stdout } = await checkout('orders', 'show', number, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ status: 'completed', amount_shipping: 2490, amount_tax: 0 },
      shipping: { address: { country: 'US', line1: '1 Main Street', city: 'Los Angeles' } },
    });
  });
});

function checkout(...args: string[]) {
  return promisify(execFile)(PROGRAM, args, {
    env: { PATH: process.env['PATH'], CHECKOUT_STATE_DIR: shop.state },
  });
}
