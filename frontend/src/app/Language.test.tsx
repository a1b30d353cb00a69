import { screen, waitFor } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { fakeDaemon, invalid } from '@/test/daemon';
import { button, fillCart, giveDetails, visit } from '@/test/shopper';
import { App } from './App';

const open = (path = '/') => visit((location, goTo) => <App location={location} goTo={goTo} />, path);

function browserAsksFor(...languages: string[]): void {
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(languages);
}

test('a German browser gets German, and the prices as they are written in its country', async () => {
  fakeDaemon();
  browserAsksFor('de-AT', 'en');
  open();

  expect(await screen.findAllByRole('button', { name: 'In den Warenkorb' })).toHaveLength(2);
  expect(document.documentElement).toHaveAttribute('lang', 'de');
  expect(document.documentElement).toHaveAttribute('dir', 'ltr');
  expect(screen.getByText(/^€.14,50$/)).toBeVisible();
});

test('the first language that the shop has wins', async () => {
  fakeDaemon();
  browserAsksFor('fr', 'de', 'en');
  open();

  expect(await screen.findAllByRole('button', { name: 'In den Warenkorb' })).toHaveLength(2);
});

test('a browser with any other language gets English', async () => {
  fakeDaemon();
  browserAsksFor('fr-CA', 'pt');
  open();

  expect(await screen.findAllByRole('button', { name: 'Add to cart' })).toHaveLength(2);
  expect(document.documentElement).toHaveAttribute('lang', 'en');
});

test('the payment page and the mails are in the language of the texts, not in one that the shop lacks', async () => {
  const daemon = fakeDaemon();
  browserAsksFor('fr-CA', 'pt');
  const shopper = await fillCart(open());
  await giveDetails(shopper);
  await shopper.click(button('Checkout'));

  await waitFor(() => expect(daemon.to('POST /api/stripe-checkout')).toMatchObject([{ language: 'en' }]));
});

test.each([['en-US@posix'], ['en_US'], ['*'], ['']])('a language tag like %s costs nobody the shop', async (tag) => {
  fakeDaemon();
  browserAsksFor(tag);
  open();

  expect(await screen.findAllByRole('button', { name: 'Add to cart' })).toHaveLength(2);
});

test('the switch in the footer changes what is shown at once, faults included, and is remembered', async () => {
  fakeDaemon({ 'POST /api/quotes': () => invalid('/discount_code', 'used up', 'discount_exhausted') });
  browserAsksFor('en-GB');
  localStorage.setItem('checkout.cart', '{"items":[{"sku":"NOTEBOOK","quantity":1}],"code":"OLD"}');
  const shopper = open();
  await shopper.click(await screen.findByRole('button', { name: 'Open cart' }));
  await screen.findByText('Discount code: used up');
  await shopper.click(screen.getByRole('button', { name: 'Deutsch', hidden: true }));

  expect(await screen.findByText('Rabattcode: Dieser Rabattcode wurde bereits aufgebraucht.')).toBeVisible();
  expect(localStorage.getItem('checkout.language')).toBe('"de"');
});
