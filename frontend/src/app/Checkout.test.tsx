import { cleanup, fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, test, vi } from 'vitest';
import { type FakeDaemon, fakeDaemon, type Handler, invalid, order, quoteFor, session } from '@/test/daemon';
import { button, field, fillCart, giveDetails, priced, type Shopper, visit } from '@/test/shopper';
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

  test('a line that was refused is asked about again at Checkout', async () => {
    const daemon = fakeDaemon({ 'POST /api/quotes': () => invalid('/items/0/sku', 'is not available') });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await screen.findByText('Notebook: is not available');
    daemon.on('POST /api/quotes', ({ body }) => [200, quoteFor(body)]);
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
  });

  test('a line that changes while the payment page is prepared is not ordered as it was', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    daemon.on('POST /api/quotes', async ({ body }) => {
      await answered;
      return [200, quoteFor(body)] as const;
    });
    await shopper.click(button('One more: Notebook'));
    await shopper.click(button('Checkout'));
    await shopper.click(button('One more: Notebook'));
    answer();
    await waitFor(() => expect(button('Checkout')).toHaveAttribute('aria-disabled', 'false'));
    expect(daemon.to(CHECKOUT)).toEqual([]);
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT)).toMatchObject([{ body: { items: [{ quantity: 3 }], expected_total: 4350 } }]);
  });

  test('faults that only the daemon finds land on their fields', async () => {
    fakeDaemon({ [CHECKOUT]: () => invalid('/customer/phone', 'is not in use') });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));

    expect(await screen.findByText('Phone: is not in use')).toHaveAttribute('id', 'phone-error');
    expect(field('Phone')).toHaveFocus();
  });

  test('a fault of a field that the page does not show is in the notice', async () => {
    fakeDaemon({ [CHECKOUT]: () => invalid('/shipping', 'is required', 'shipping_required') });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));

    const notice = await screen.findByText('Country: Please enter the address to send the order to.');
    expect(notice.closest('[role=alert]')).toHaveClass('notice-bad');
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

  test('a code that only the order is refused for shows the reason, and the total without it', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.type(field('Discount code'), 'TEN');
    await shopper.click(button('Apply'));
    await screen.findByText(/Code TEN takes off/);
    const refuse = () => invalid('/discount_code', 'used up', 'discount_exhausted');
    daemon.on(CHECKOUT, refuse);
    daemon.on('POST /api/quotes', ({ body }) => (body.discount_code ? refuse() : [200, quoteFor(body)]));
    await shopper.click(button('Checkout'));

    const error = await screen.findByText('Discount code: used up');
    expect(error).toHaveAttribute('id', 'discount-error');
    expect(error).toHaveAttribute('role', 'alert');
    expect(field('Discount code')).toHaveValue('TEN');
    expect(field('Discount code')).toHaveFocus();
    await waitFor(() => expect(screen.getByTestId('total')).toHaveTextContent('14.50'));
    expect(screen.queryByText(/takes off/)).toBeNull();
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

  test.each([
    ['Try again', [503, { code: 'stripe_unavailable' }]],
    ['Order anyway', [409, { code: 'probably_placed' }]],
  ] as const)('%s disappears when it is pressed, and Checkout gets the focus', async (name, answer) => {
    const daemon = fakeDaemon({ [CHECKOUT]: () => answer });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));
    const pressed = await screen.findByRole('button', { name });
    daemon.on(CHECKOUT, () => new Promise(() => undefined));
    await shopper.click(pressed);

    await waitFor(() => expect(pressed).not.toBeInTheDocument());
    expect(button('Checkout')).toHaveFocus();
  });

  test('too many attempts are reported with how long to wait', async () => {
    fakeDaemon({ [CHECKOUT]: () => [429, { code: 'too_many_requests' }, { 'Retry-After': '300' }] });
    const shopper = await fillCart(open());
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));

    expect(await screen.findByText(/Too many attempts\. Please wait 5\sminutes\./)).toBeVisible();
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

describe('an own unpaid order that has reserved what is in the cart', () => {
  const BY_ID = `GET /api/stripe-checkout/${session.order_id}`;
  const soldOut = () => invalid('/items/0/quantity', 'sold out', 'out_of_stock');
  const usedUp: Handler = ({ body }) =>
    body.discount_code ? invalid('/discount_code', 'used up', 'discount_exhausted') : [200, quoteFor(body)];

  /** Check out with a code, or without, and go back to the cart, which is quoted otherwise by then. */
  async function comeBack(daemon: FakeDaemon, quotes: Handler, code?: string): Promise<Shopper> {
    const before = await fillCart(open());
    await giveDetails(before);
    if (code) await before.type(field('Discount code'), code);
    await before.click(button('Checkout'));
    await waitFor(() => expect(before.wentTo).toEqual([session.url]));
    cleanup();
    daemon.on('POST /api/quotes', quotes);
    const shopper = open();
    await shopper.click(button('Open cart'));
    return shopper;
  }

  test('is named in place of a line that is sold out, and Checkout leads to its payment page', async () => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, { ...order, status: 'pending' }] });
    const shopper = await comeBack(daemon, soldOut);
    expect(await screen.findByText(/^Order 1001 for €14\.50, with exactly these items/)).toBeVisible();
    expect(screen.queryByText(/sold out/)).toBeNull();
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    const [first, second] = daemon.to(CHECKOUT);
    expect(second?.key).toBe(first?.key);
  });

  test('is named in place of a code that is used up', async () => {
    const daemon = fakeDaemon({
      [BY_ID]: () => [200, { ...order, status: 'pending' }],
      [CHECKOUT]: () => [201, { ...session, amount_total: 1305 }],
    });
    const shopper = await comeBack(daemon, usedUp, 'TEN');
    expect(await screen.findByText(/^Order 1001 for €13\.05/)).toBeVisible();
    expect(screen.queryByText(/used up/)).toBeNull();
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    const [first, second] = daemon.to(CHECKOUT);
    expect(second?.key).toBe(first?.key);
  });

  test.each([
    ['', 'TEN'],
    ['TEN', 'OTHER'],
  ])('with the code “%s” does not hide that %s is used up', async (ordered, wanted) => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, { ...order, status: 'pending' }] });
    const shopper = await comeBack(daemon, usedUp, ordered);
    const code = await screen.findByRole('textbox', { name: 'Discount code' });
    await shopper.clear(code);
    await shopper.type(code, wanted);
    await shopper.click(button('Apply'));
    expect(await screen.findByText('Discount code: used up')).toHaveAttribute('id', 'discount-error');
    expect(screen.queryByText(/is not paid yet/)).toBeNull();
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(field('Discount code')).toHaveFocus());
    expect(daemon.to(CHECKOUT)).toHaveLength(1);
    expect(shopper.wentTo).toEqual([]);
  });

  test('is shown on its page if its code was tried too often', async () => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, { ...order, status: 'pending' }] });
    const shopper = await comeBack(daemon, usedUp, 'TEN');
    daemon.on(CHECKOUT, () => [429, { code: 'too_many_requests' }, { 'Retry-After': '300' }]);
    await screen.findByText(/^Order 1001 for/);
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([`/success?order_id=${session.order_id}`]));
  });

  test('is named in place of a code that cannot be checked now', async () => {
    const daemon = fakeDaemon({
      [BY_ID]: () => [200, { ...order, status: 'pending' }],
      [CHECKOUT]: () => [201, { ...session, amount_total: 1305 }],
    });
    const busy: Handler = ({ body }) =>
      body.discount_code ? [429, { code: 'too_many_requests' }, { 'Retry-After': '300' }] : [200, quoteFor(body)];
    const shopper = await comeBack(daemon, busy, 'TEN');
    expect(await screen.findByText(/^Order 1001 for €13\.05/)).toBeVisible();
    expect(screen.queryByText(/cannot be checked/)).toBeNull();
    daemon.on(CHECKOUT, () => [429, { code: 'too_many_requests' }, { 'Retry-After': '300' }]);
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([`/success?order_id=${session.order_id}`]));
  });

  test('is shown on its page if it was placed with other details', async () => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, { ...order, status: 'pending' }] });
    const shopper = await comeBack(daemon, soldOut);
    daemon.on(CHECKOUT, soldOut);
    await shopper.clear(field('Name'));
    await shopper.type(field('Name'), 'Bo Berg');
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([`/success?order_id=${session.order_id}`]));
  });

  test('reserves nothing once it has expired: the line is sold out', async () => {
    const daemon = fakeDaemon({ [BY_ID]: () => [200, { ...order, status: 'expired' }] });
    const shopper = await comeBack(daemon, soldOut);
    expect(await screen.findByText('Notebook: This product is sold out. Please remove it.')).toBeVisible();
    expect(screen.queryByText(/is not paid yet/)).toBeNull();
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(field('Quantity: Notebook')).toHaveFocus());
    expect(daemon.to(CHECKOUT)).toHaveLength(1);
  });
});
