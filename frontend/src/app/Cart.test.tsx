import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { type FakeDaemon, fakeDaemon, invalid, quoteFor, session } from '@/test/daemon';
import { type Shopper, visit } from '@/test/shopper';
import { App } from './App';

const CHECKOUT = 'POST /api/stripe-checkout';

const open = (path = '/') => visit((location, goTo) => <App location={location} goTo={goTo} />, path);
const button = (name: string) => screen.getByRole('button', { name });
const field = (name: string) => screen.getByRole('textbox', { name });

async function fillCart(): Promise<Shopper> {
  const shopper = open();
  const [notebook] = await screen.findAllByRole('button', { name: 'Add to cart' });
  if (notebook) await shopper.click(notebook);
  await shopper.click(button('Open cart'));
  await screen.findByTestId('total');
  return shopper;
}

async function giveDetails(shopper: Shopper): Promise<void> {
  await shopper.type(field('Name'), 'Ana Berg');
  await shopper.type(field('Email'), 'ana@example.com');
  await shopper.type(field('Phone'), '+43 660 1234567');
}

async function priced(daemon: FakeDaemon): Promise<void> {
  await waitFor(() => expect(daemon.to('POST /api/quotes')).not.toHaveLength(0));
  await waitFor(() => expect(screen.getByTestId('total').closest('dl')).toHaveAttribute('aria-busy', 'false'));
}

describe('the shop window', () => {
  test('shows what can be bought and what can not', async () => {
    fakeDaemon();
    open();

    expect(await screen.findAllByRole('button', { name: 'Add to cart' })).toHaveLength(2);
    const lamp = screen.getByText('Lamp').closest('li');
    expect(lamp && within(lamp).getByText('Not available')).toBeVisible();
  });

  test('every button names its product', async () => {
    fakeDaemon();
    open();

    const [notebook, pencils] = await screen.findAllByRole('button', { name: 'Add to cart' });
    expect(notebook).toHaveAccessibleDescription('Notebook');
    expect(pencils).toHaveAccessibleDescription('Pencils');
  });

  test('products that could not be loaded can be asked for again', async () => {
    const daemon = fakeDaemon({ 'GET /api/products': () => [503, { code: 'database_unavailable' }] });
    const shopper = open();
    const retry = await screen.findByRole('button', { name: 'Retry' });
    daemon.on('GET /api/products', () => [200, { currency: 'eur', products: [] }]);
    await shopper.click(retry);

    expect(await screen.findByText('There are no products at the moment.')).toBeVisible();
  });
});

describe('a full cart', () => {
  const lines = (count: number, quantity: number) =>
    Array.from({ length: count }, (_, index) => ({ sku: index === 0 ? 'NOTEBOOK' : `S${index}`, quantity }));

  test.each([
    ['of products', { items: lines(100, 1), code: '' }, 1, /Your cart is full: it can hold up to 100 different/],
    ['of one product', { items: lines(1, 999), code: '' }, 0, /Your cart already has 999 of Notebook/],
  ])('%s shows a message that nothing was added', async (_, cart, which, text) => {
    fakeDaemon();
    localStorage.setItem('checkout.cart', JSON.stringify(cart));
    const shopper = open();
    const add = (await screen.findAllByRole('button', { name: 'Add to cart' }))[which];
    if (add) await shopper.click(add);

    expect(screen.getByText(text)).toBeVisible();
    expect(screen.queryByText(/was added to your cart/)).toBeNull();
    await shopper.click(button('Dismiss'));
    expect(screen.queryByText(text)).toBeNull();
  });
});

describe('the cart', () => {
  test('shows everything that a checkout needs, each name once', async () => {
    fakeDaemon();
    await fillCart();

    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
    expect(screen.getAllByRole('textbox').map((input) => input.getAttribute('id') ?? 'quantity')).toEqual([
      'quantity',
      'discount',
      'name',
      'email',
      'phone',
    ]);
    expect(field('Discount code')).toBeVisible();
    expect(button('Checkout')).toBeVisible();
  });

  test('a typed quantity changes the total, and clearing the field changes nothing', async () => {
    fakeDaemon();
    const shopper = await fillCart();
    const quantity = field('Quantity: Notebook');
    await shopper.clear(quantity);
    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
    await shopper.type(quantity, '3');

    await waitFor(() => expect(screen.getByTestId('total')).toHaveTextContent('43.50'));
  });

  test('what is no quantity is refused in words, and the number before stands', async () => {
    fakeDaemon();
    const shopper = await fillCart();
    const quantity = field('Quantity: Notebook');
    await shopper.clear(quantity);
    await shopper.type(quantity, '2.5');
    await shopper.tab();

    expect(await screen.findByRole('alert')).toHaveTextContent('“2.5” is not a valid quantity');
    expect(quantity).toHaveValue('1');
    expect(quantity).toBeInvalid();
    await shopper.clear(quantity);
    await shopper.type(quantity, '３');
    expect(screen.queryByRole('alert')).toBeNull();
    await waitFor(() => expect(screen.getByTestId('total')).toHaveTextContent('43.50'));
  });

  test('one more, one fewer, none', async () => {
    fakeDaemon();
    const shopper = await fillCart();
    await shopper.click(button('One more: Notebook'));
    expect(button('Open cart')).toHaveAccessibleDescription('2 items');
    await shopper.click(button('One fewer: Notebook'));
    expect(button('One fewer: Notebook')).toBeDisabled();
    await shopper.click(button('Remove: Notebook'));

    expect(screen.getByText('Your cart is empty.')).toBeVisible();
  });

  test('survives a reload', async () => {
    fakeDaemon();
    localStorage.setItem('checkout.cart', '{"items":[{"sku":"PENCILS","quantity":4}],"code":""}');
    open();

    expect(button('Open cart')).toHaveAccessibleDescription('4 items');
  });

  test('a discount is shown with its amount', async () => {
    fakeDaemon();
    const shopper = await fillCart();
    await shopper.type(field('Discount code'), 'TEN');
    await shopper.click(button('Apply'));

    expect(await screen.findByText('Discount (TEN)')).toBeVisible();
    expect(screen.getByTestId('discount')).toHaveTextContent('1.45');
    expect(screen.getByTestId('total')).toHaveTextContent('13.05');
  });

  test('a known discount is in the total at once, before the daemon confirms it', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart();
    await shopper.type(field('Discount code'), 'TEN');
    await shopper.click(button('Apply'));
    await screen.findByText('Discount (TEN)');
    daemon.on('POST /api/quotes', () => new Promise(() => undefined));
    await shopper.click(button('One more: Notebook'));

    expect(screen.getByTestId('total')).toHaveTextContent('26.10');
    expect(screen.getByTestId('discount')).toHaveTextContent('2.90');
  });

  test('where the daemon tells another total it wins, and the change is shown until the cart changes', async () => {
    const dearer = { ...quoteFor({ items: [{ sku: 'NOTEBOOK', quantity: 1 }] }), amount_total: 1600 };
    const daemon = fakeDaemon({ 'POST /api/quotes': () => [200, dearer] });
    const shopper = await fillCart();

    const notice = await screen.findByText(/A price has changed/);
    expect(notice.closest('[role=alert]')).toHaveTextContent(/14\.50.*16\.00/);
    expect(notice).not.toHaveTextContent('Checkout');
    expect(screen.getByTestId('total')).toHaveTextContent('16.00');
    daemon.on('POST /api/quotes', ({ body }) => [200, quoteFor(body)]);
    await shopper.click(button('One more: Notebook'));

    expect(screen.queryByText(/A price has changed/)).toBeNull();
  });

  test('a code that the shop takes back is no longer used in the estimate', async () => {
    localStorage.setItem('checkout.cart', '{"items":[{"sku":"NOTEBOOK","quantity":1}],"code":"OLD"}');
    localStorage.setItem('checkout.discount', '{"code":"OLD","percent_off":"50"}');
    fakeDaemon();
    const shopper = open();
    await screen.findAllByRole('button', { name: 'Add to cart' });
    await shopper.click(button('Open cart'));
    expect(screen.getByTestId('total')).toHaveTextContent('7.25');

    expect(await screen.findByText('Discount code: there is no code OLD')).toBeVisible();
    expect(screen.getByText(/A price has changed/)).toHaveTextContent(/7\.25.*14\.50/);
    expect(localStorage.getItem('checkout.discount')).toBe('null');
  });

  test('the total stays when the shop cannot be reached', async () => {
    fakeDaemon({ 'POST /api/quotes': () => new TypeError('Failed to fetch') });
    await fillCart();
    await screen.findByRole('button', { name: 'Try again' });

    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
  });

  test('a refused discount shows the reason on its field and does not change the price', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart();
    await shopper.type(field('Discount code'), 'NOPE');
    await shopper.click(button('Apply'));

    const error = await screen.findByText('Discount code: there is no code NOPE');
    expect(error).toHaveAttribute('id', 'discount-error');
    expect(error).toHaveAttribute('role', 'alert');
    await priced(daemon);
    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
  });

  test('an item that is not sold any more is named on its line', async () => {
    fakeDaemon({ 'POST /api/quotes': () => invalid('/items/0/sku', 'is not sold any more') });
    const shopper = await fillCart();
    await giveDetails(shopper);

    expect(await screen.findByText('Notebook: is not sold any more')).toHaveAttribute('role', 'alert');
  });
});

describe('checking out', () => {
  test('sends what was shown and goes to the payment page', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart();
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
    const shopper = await fillCart();
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
    const shopper = await fillCart();
    await giveDetails(shopper);
    await shopper.dblClick(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT)).toHaveLength(1);
  });

  test('nothing is sent before the details are right; the first wrong field has the focus', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart();
    await shopper.type(field('Name'), 'Ana Berg');
    await shopper.click(button('Checkout'));

    const error = await screen.findByText(/^Email: /);
    expect(error).toHaveAttribute('id', 'email-error');
    expect(field('Email')).toHaveFocus();
    expect(field('Email')).toHaveAccessibleDescription(/^Email: /);
    expect(document.querySelector('#name-error')).toBeNull();
    expect(daemon.to(CHECKOUT)).toEqual([]);
  });

  test('a field that is left half-filled shows an error until it is corrected', async () => {
    fakeDaemon();
    const shopper = await fillCart();
    await shopper.type(field('Email'), 'ana');
    await shopper.tab();
    expect(screen.getByText(/^Email: /)).toHaveAttribute('role', 'alert');
    await shopper.type(field('Email'), '@example.com');

    expect(screen.queryByText(/^Email: /)).toBeNull();
  });

  test('a line that stops the checkout has the focus: in a long cart it may be out of sight', async () => {
    fakeDaemon({ 'POST /api/quotes': () => invalid('/items/0/sku', 'is not available') });
    const shopper = await fillCart();
    await giveDetails(shopper);
    await screen.findByText('Notebook: is not available');
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(field('Quantity: Notebook')).toHaveFocus());
  });

  test('faults that only the daemon finds land on their fields', async () => {
    fakeDaemon({ [CHECKOUT]: () => invalid('/customer/phone', 'is not in use') });
    const shopper = await fillCart();
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));

    expect(await screen.findByText('Phone: is not in use')).toHaveAttribute('id', 'phone-error');
    expect(field('Phone')).toHaveFocus();
  });

  test('a code that was typed but not applied counts', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart();
    await giveDetails(shopper);
    await shopper.type(field('Discount code'), 'TEN');
    await shopper.click(button('Checkout'));

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
    expect(daemon.to(CHECKOUT)).toMatchObject([{ body: { discount_code: 'TEN', expected_total: 1305 } }]);
  });

  test('a refused code stops the checkout instead of charging the full price', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart();
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
    const shopper = await fillCart();
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
    const shopper = await fillCart();
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
    const shopper = await fillCart();
    await giveDetails(shopper);
    await shopper.click(button('Deutsch'));
    await shopper.click(button('Zur Kasse'));

    await waitFor(() => expect(daemon.to(CHECKOUT)).toMatchObject([{ language: 'de' }]));
    await shopper.click(button('English'));
  });

  test('an unreachable payment service keeps everything; trying again finishes the same order', async () => {
    const daemon = fakeDaemon({ [CHECKOUT]: () => [503, { code: 'stripe_unavailable' }] });
    const shopper = await fillCart();
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
    const shopper = await fillCart();
    await giveDetails(shopper);
    await shopper.click(button('Checkout'));
    const again = await screen.findByRole('button', { name: 'Try again' });
    daemon.on('POST /api/quotes', ({ body }) => [200, quoteFor(body)]);
    await shopper.click(again);

    await waitFor(() => expect(shopper.wentTo).toEqual([session.url]));
  });

  test('a shop that cannot be reached shows a notice instead of a price', async () => {
    const daemon = fakeDaemon({ 'POST /api/quotes': () => new TypeError('Failed to fetch') });
    const shopper = await fillCart();
    const again = await screen.findByRole('button', { name: 'Try again' });
    daemon.on('POST /api/quotes', ({ body }) => [200, quoteFor(body)]);
    await shopper.click(again);

    await waitFor(() => expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull());
    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
  });
});
