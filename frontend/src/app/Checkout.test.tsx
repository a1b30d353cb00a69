import { fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { fakeDaemon, invalid, quoteFor, session } from '@/test/daemon';
import { button, field, fillCart, giveDetails, priced, visit } from '@/test/shopper';
import { App } from './App';

const CHECKOUT = 'POST /api/stripe-checkout';

const open = () => visit((location, goTo) => <App location={location} goTo={goTo} />, '/');

describe('checking out', () => {
  test('sends what was shown and goes to the payment page', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT).map(({ body }) => body)).toEqual([
      {
        items: [{ sku: 'NOTEBOOK', quantity: 1 }],
        customer: { name: 'Ana Berg', email: 'ana@example.com', phone: '+436601234567' },
        expected_total: 1450,
      },
    ]);
  });

  test('a quantity that was refused is shown before anything is sent', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    const quantity = field('Quantity: Notebook');
    await shopper.clear(quantity);
    await shopper.type(quantity, '1000');
    await shopper.click(button('Checkout'));
    expect(screen.getByText(/“1000” is not a valid quantity/)).toBeVisible();
    expect(quantity).toHaveFocus();
    expect(daemon.to(CHECKOUT)).toEqual([]);
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT)).toMatchObject([{ body: { items: [{ quantity: 1 }] } }]);
  });

  test('a double click sends one order', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.dblClick(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT)).toHaveLength(1);
  });

  test('nothing is sent before the details are right; the first wrong field has the focus', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await shopper.type(field('Name'), 'Ana Berg');
    await shopper.click(button('Checkout'));

    const error = await screen.findByText(/^Email: /);
    expect(error).toHaveAttribute('id', 'email-error');
    expect(field('Email')).toHaveFocus();
    expect(field('Email')).toHaveAccessibleDescription(/^Email: /);
    expect(document.querySelector('#name-error')).toBeNull();
    expect(daemon.to(CHECKOUT)).toEqual([]);
  });

  test('several errors at once are not read out over each other: the first has the focus, again after another attempt', async () => {
    fakeDaemon();
    const shopper = await fillCart(open());
    await shopper.click(button('Checkout'));
    await screen.findByText(/^Phone: /);
    const errors = screen.getAllByRole('alert');
    expect(errors.map((error) => error.getAttribute('aria-live'))).toEqual(errors.map(() => 'off'));
    expect(errors.length).toBeGreaterThan(2);
    expect(field('Name')).toHaveFocus();
    const focused = vi.fn();
    field('Name').addEventListener('focus', focused);
    fireEvent.submit(field('Name').closest('form') as HTMLFormElement); // as Enter does in a browser

    await waitFor(() => expect(focused).toHaveBeenCalled());
    expect(field('Name')).toHaveFocus();
  });

  test('a field that is left half-filled shows an error until it is corrected', async () => {
    fakeDaemon();
    const shopper = await fillCart(open());
    await shopper.type(field('Email'), 'ana');
    await shopper.tab();
    expect(screen.getByText(/^Email: /)).toHaveAttribute('role', 'alert');
    await shopper.type(field('Email'), '@example.com');

    expect(screen.queryByText(/^Email: /)).toBeNull();
  });

  test('a line that stops the checkout has the focus: in a long cart it may be out of sight', async () => {
    fakeDaemon({ 'POST /api/quotes': () => invalid('/items/0/sku', 'is not available') });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await screen.findByText('Notebook: is not available');
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(field('Quantity: Notebook')).toHaveFocus());
  });

  test('faults that only the daemon finds land on their fields', async () => {
    fakeDaemon({ [CHECKOUT]: () => invalid('/customer/phone', 'is not in use') });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));

    expect(await screen.findByText('Phone: is not in use')).toHaveAttribute('id', 'phone-error');
    expect(field('Phone')).toHaveFocus();
  });

  test('a code that was typed but not applied counts', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.type(field('Discount code'), 'TEN');
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT)).toMatchObject([{ body: { discount_code: 'TEN', expected_total: 1305 } }]);
  });

  test('a refused code stops the checkout instead of charging the full price', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.type(field('Discount code'), 'NOPE');
    await shopper.click(button('Checkout'));

    await screen.findByText('Discount code: there is no code NOPE');
    expect(field('Discount code')).toHaveFocus();
    expect(daemon.to(CHECKOUT)).toEqual([]);
  });

  test('a changed price is shown next to the old one, and needs a confirmation', async () => {
    const quote = { ...quoteFor({ items: [{ sku: 'NOTEBOOK', quantity: 1 }] }), amount_total: 1600 };
    const daemon = fakeDaemon({ [CHECKOUT]: () => [409, { code: 'price_changed', quote }] });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await priced(daemon);
    await shopper.click(button('Checkout'));
    const notice = (await screen.findByText(/A price has changed/)).closest('[role=alert]');
    expect(notice).toHaveTextContent(/14\.50.*16\.00/);
    expect(screen.getByTestId('total')).toHaveTextContent('16.00');
    daemon.on(CHECKOUT, () => [201, session]);
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT).map(({ body }) => body.expected_total)).toEqual([1450, 1600]);
  });

  test('goods that were ordered a short while ago are ordered again only when the shopper insists', async () => {
    const daemon = fakeDaemon({
      [CHECKOUT]: ({ body }) => (body.insist ? [201, session] : [409, { code: 'probably_placed' }]),
    });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));
    expect(await screen.findByText(/recently ordered with this email address/)).toBeVisible();
    expect(shopper.wentTo).toEqual([]);
    await shopper.click(button('Order anyway'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    const [first, second] = daemon.to(CHECKOUT);
    expect(second?.key).not.toBe(first?.key);
  });

  test('the language chosen in the footer goes along', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Deutsch'));
    await shopper.click(button('Zur Kasse'));

    await waitFor(() => expect(daemon.to(CHECKOUT)).toMatchObject([{ language: 'de' }]));
    await shopper.click(button('English'));
  });

  test('an unreachable payment service keeps everything; trying again finishes the same order', async () => {
    const daemon = fakeDaemon({ [CHECKOUT]: () => [503, { code: 'stripe_unavailable' }] });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));
    await screen.findByText(/payment service is unavailable/);
    expect(field('Name')).toHaveValue('Ana Berg');
    daemon.on(CHECKOUT, () => [201, session]);
    await shopper.click(button('Try again'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    const [first, second] = daemon.to(CHECKOUT);
    expect(second?.key).toBe(first?.key);
  });

  test('an outage in the middle of a checkout is survived by Try again', async () => {
    const daemon = fakeDaemon({ 'POST /api/quotes': () => new TypeError('Failed to fetch') });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));
    const again = await screen.findByRole('button', { name: 'Try again' });
    daemon.on('POST /api/quotes', ({ body }) => [200, quoteFor(body)]);
    await shopper.click(again);

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
  });

  test('a shop that cannot be reached shows a notice instead of a price', async () => {
    const daemon = fakeDaemon({ 'POST /api/quotes': () => new TypeError('Failed to fetch') });
    const shopper = await fillCart(open());
    const again = await screen.findByRole('button', { name: 'Try again' });
    daemon.on('POST /api/quotes', ({ body }) => [200, quoteFor(body)]);
    await shopper.click(again);

    await waitFor(() => expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull());
    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
  });
});
