import { screen, waitFor } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { catalog, fakeDaemon, inPage, invalid, quoteFor } from '@/test/daemon';
import { button, field, fillCart, giveDetails, priced, visit } from '@/test/shopper';
import { App } from './App';

const open = () => visit((location, goTo) => <App location={location} goTo={goTo} />, '/');

describe('the cart', () => {
  test('shows everything that a checkout needs, each name once', async () => {
    fakeDaemon();
    await fillCart(open());

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
    const shopper = await fillCart(open());
    const quantity = field('Quantity: Notebook');
    await shopper.clear(quantity);
    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
    await shopper.type(quantity, '3');

    await waitFor(() => expect(screen.getByTestId('total')).toHaveTextContent('43.50'));
  });

  test('what is no quantity is refused in words, and the number before stands', async () => {
    fakeDaemon();
    const shopper = await fillCart(open());
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
    const shopper = await fillCart(open());
    await shopper.click(button('One more: Notebook'));
    expect(button('Open cart')).toHaveAccessibleDescription('2 items');
    await shopper.click(button('One fewer: Notebook'));
    expect(button('One fewer: Notebook')).toHaveAttribute('aria-disabled', 'true');
    expect(button('One fewer: Notebook')).toHaveFocus();
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
    const shopper = await fillCart(open());
    await shopper.type(field('Discount code'), 'TEN');
    await shopper.click(button('Apply'));

    expect(await screen.findByText('Discount (TEN)')).toBeVisible();
    expect(screen.getByTestId('discount')).toHaveTextContent('1.45');
    expect(screen.getByTestId('total')).toHaveTextContent('13.05');
  });

  test('a known discount is in the total at once, before the daemon confirms it', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
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
    const shopper = await fillCart(open());

    const notice = await screen.findByText(/A price has changed/);
    expect(notice.closest('[role=alert]')).toHaveTextContent(/14\.50.*16\.00/);
    expect(notice).not.toHaveTextContent('Checkout');
    expect(screen.getByTestId('total')).toHaveTextContent('16.00');
    daemon.on('POST /api/quotes', ({ body }) => [200, quoteFor(body)]);
    await shopper.click(button('One more: Notebook'));

    expect(screen.queryByText(/A price has changed/)).toBeNull();
  });

  test('a catalog that is behind the quoted price is loaded again, once', async () => {
    const daemon = fakeDaemon();
    const dearer = catalog.products.map((product) => ({ ...product, unit_amount: product.unit_amount + 150 }));
    const quote = quoteFor({ items: [{ sku: 'NOTEBOOK', quantity: 1 }] });
    const items = quote.items.map((item) => ({ ...item, unit_amount: 1600, amount: 1600 }));
    daemon.on('POST /api/quotes', () => {
      daemon.on('GET /api/products', () => [200, { currency: 'eur', products: dearer }]);
      return [200, { ...quote, items, amount_subtotal: 1600, amount_total: 1600 }];
    });
    await fillCart(open());

    await waitFor(() => expect(document.querySelector('.card[data-sku=NOTEBOOK] .price')).toHaveTextContent('16.00'));
    expect(screen.getByText(/A price has changed/)).toHaveTextContent(/14\.50.*16\.00/);
    expect(daemon.to('GET /api/products')).toHaveLength(2);
  });

  test('the page of a product follows a catalog that is newer', async () => {
    const dearer = catalog.products.map((product) => ({ ...product, unit_amount: product.unit_amount + 150 }));
    inPage('product', { product: catalog.products[0], html: '<p>For notes.</p>' });
    fakeDaemon({ 'GET /api/products': () => [200, { currency: 'eur', products: dearer }] });
    const shopper = visit((location, goTo) => <App location={location} goTo={goTo} />, '/p/NOTEBOOK');
    expect(await screen.findByText('€14.50')).toBeVisible();
    await fillCart(shopper);

    await waitFor(() => expect(document.querySelector('.product-price')).toHaveTextContent('16.00'));
  });

  test('a product that is refused is no longer offered in the catalog', async () => {
    const daemon = fakeDaemon({
      'POST /api/quotes': () => {
        const products = catalog.products.map((product) => ({ ...product, available: false }));
        daemon.on('GET /api/products', () => [200, { currency: 'eur', products }]);
        return invalid('/items/0/sku', 'NOTEBOOK is not available', 'unavailable_sku');
      },
    });
    await fillCart(open());

    await waitFor(() => expect(document.querySelector('.card[data-sku=NOTEBOOK]')).toHaveTextContent('Not available'));
    expect(daemon.to('GET /api/products')).toHaveLength(2);
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
    await fillCart(open());
    await screen.findByRole('button', { name: 'Try again' });

    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
  });

  test('a refused discount shows the reason on its field and does not change the price', async () => {
    const daemon = fakeDaemon();
    const shopper = await fillCart(open());
    await shopper.type(field('Discount code'), 'NOPE');
    await shopper.click(button('Apply'));

    const error = await screen.findByText('Discount code: there is no code NOPE');
    expect(error).toHaveAttribute('id', 'discount-error');
    expect(error).toHaveAttribute('role', 'alert');
    await priced(daemon);
    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
  });

  test('a code that cannot be checked at the moment does not lock the cart', async () => {
    fakeDaemon({
      'POST /api/quotes': ({ body }) =>
        body.discount_code ? [429, { code: 'too_many_requests' }, { 'Retry-After': '301' }] : [200, quoteFor(body)],
    });
    const shopper = await fillCart(open());
    await shopper.type(field('Discount code'), 'TEN');
    await shopper.click(button('Apply'));

    const error = await screen.findByText(/^Discount code: This code cannot be checked.* try again in 6\sminutes/);
    expect(error).toHaveAttribute('id', 'discount-error');
    expect(screen.getByTestId('total')).toHaveTextContent('14.50');
    expect(screen.queryByText(/Too many attempts/)).toBeNull();
  });

  test('a line that asks for more than is left shows how many are', async () => {
    const faults = [{ pointer: '/items/0/quantity', code: 'out_of_stock', detail: 'only 3', left: 3 }];
    fakeDaemon({ 'POST /api/quotes': () => [422, { code: 'out_of_stock', errors: faults }] });
    const shopper = await fillCart(open());
    await giveDetails(shopper);

    expect(await screen.findByText('Notebook: Only 3 left')).toHaveAttribute('role', 'alert');
  });

  test('an item that is not sold any more is named on its line', async () => {
    fakeDaemon({ 'POST /api/quotes': () => invalid('/items/0/sku', 'is not sold any more') });
    const shopper = await fillCart(open());
    await giveDetails(shopper);

    expect(await screen.findByText('Notebook: is not sold any more')).toHaveAttribute('role', 'alert');
  });
});
