import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Quote, Shop } from '@/lib/api';
import { type FakeDaemon, fakeDaemon, invalid, quoteFor, session } from '@/test/daemon';
import { button, field, fillCart, giveDetails, type Shopper, visit } from '@/test/shopper';
import { App } from './App';

const CHECKOUT = 'POST /api/stripe-checkout';
const RATES = [
  { id: 'post', label: 'Mail', amount: 490, estimate: '2 to 3 days' },
  { id: 'express', label: 'Express', amount: 1290 },
];

vi.mock('@/lib/shop', async (original) => {
  const known = await original<typeof import('@/lib/shop')>();
  const shop: Shop = {
    ...known.shop,
    shipping: { countries: ['AT', 'DE'], address: 'form' },
    tax_labels: { en: 'VAT' },
  };
  return { ...known, shop };
});

function quote(body: Parameters<typeof quoteFor>[0] & { country?: string; shipping_rate?: string }): Quote {
  const rates =
    body.country === 'AT' ? RATES : body.country === 'DE' ? [{ id: 'near', label: 'Parcel', amount: 990 }] : [];
  const chosen = rates.find((rate) => rate.id === body.shipping_rate);
  const plain = quoteFor(body);
  const amount_total = plain.amount_total + (chosen?.amount ?? 0);
  return {
    ...plain,
    ...(chosen ? { amount_shipping: chosen.amount } : {}),
    ...{ amount_total, needs_shipping: true, shipping_rates: rates, amount_tax: 323 },
    taxes: [{ tax_class: 'standard', percent: '20', amount_gross: amount_total, amount: 323 }],
  };
}

let daemon: FakeDaemon;
let shopper: Shopper;

beforeEach(async () => {
  daemon = fakeDaemon({ 'POST /api/quotes': ({ body }) => [200, quote(body)] });
  shopper = await fillCart(visit((location, goTo) => <App location={location} goTo={goTo} />, '/'));
});

const choose = (country: string) => shopper.selectOptions(screen.getByLabelText('Country'), country);

describe('a shop that sends goods', () => {
  test('names the ways to ship to a country, and adds the one that is chosen', async () => {
    await choose('Austria');
    const mail = await screen.findByRole('radio', { name: /Mail/ });
    expect(within(screen.getByRole('group', { name: 'Shipping' })).getAllByRole('radio')).toHaveLength(2);
    await shopper.click(mail);

    await waitFor(() => expect(screen.getByTestId('total')).toHaveTextContent('€19.40'));
    expect(screen.getByTestId('shipping')).toHaveTextContent('€4.90');
    expect(screen.getByTestId('tax')).toHaveTextContent('includes €3.23 VAT (20 %)');
  });

  test('writes the rate of a tax as the shopper does', async () => {
    const taxes = [{ tax_class: 'books', percent: '5.5', amount_gross: 1450, amount: 76 }];
    daemon.on('POST /api/quotes', ({ body }) => [200, { ...quote(body), taxes }]);
    await choose('Austria');
    await waitFor(() => expect(screen.getByTestId('tax')).toHaveTextContent('(5.5 %)'));
    await shopper.click(button('Deutsch'));

    await waitFor(() => expect(screen.getByTestId('tax')).toHaveTextContent('(5,5 %)'));
    await shopper.click(button('English'));
  });

  test('takes the only way to ship without a question, and forgets it with the country', async () => {
    await choose('Germany');
    await waitFor(() => expect(screen.getByTestId('shipping')).toHaveTextContent('€9.90'));
    await choose('Austria');
    await waitFor(() => expect(screen.queryByTestId('shipping')).toBeNull());
  });

  test('sends nothing before country, way and street are there', async () => {
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));
    expect(await screen.findByText('Country: Please choose a country.')).toBeVisible();
    await choose('Austria');
    await screen.findByRole('radio', { name: /Mail/ });
    await shopper.click(button('Checkout'));
    expect(await screen.findByText('Shipping: Please choose how to ship your order.')).toBeVisible();
    expect(screen.getByText('Street and number: Please enter the street.')).toBeVisible();
    expect(daemon.to(CHECKOUT)).toEqual([]);
  });

  test('sends the address and the rate, and shows what the daemon refuses at its field', async () => {
    await giveDetails(shopper);
    await choose('Austria');
    await shopper.click(await screen.findByRole('radio', { name: /Mail/ }));
    await shopper.type(field('Street and number'), ' Ring  1');
    await shopper.type(field('Town'), 'Wien');
    await shopper.type(field('Postal code'), '12');
    daemon.on(CHECKOUT, () => invalid('/shipping/postal_code', '', 'required_postal_code'));
    await shopper.click(button('Checkout'));
    expect(await screen.findByText('Postal code: Please enter the postal code.')).toBeVisible();

    daemon.on(CHECKOUT, () => [201, session]);
    await shopper.type(field('Postal code'), '34');
    expect(screen.queryByText('Postal code: Please enter the postal code.')).toBeNull();
    await shopper.click(button('Checkout'));
    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT).at(-1)?.body).toMatchObject({
      ...{ expected_total: 1940, shipping_rate: 'post' },
      shipping: { country: 'AT', line1: 'Ring 1', city: 'Wien', postal_code: '1234' },
    });
  });
});
