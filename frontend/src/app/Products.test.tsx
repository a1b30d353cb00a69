import { act, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { catalog, fakeDaemon, inPage } from '@/test/daemon';
import { button, visit } from '@/test/shopper';
import { App } from './App';

const open = () => visit((location, goTo) => <App location={location} goTo={goTo} />, '/');

describe('the shop window', () => {
  test('shows what can be bought and what can not', async () => {
    fakeDaemon();
    open();

    expect(await screen.findAllByRole('button', { name: 'Add to cart' })).toHaveLength(2);
    const lamp = screen.getByText('Lamp').closest('li');
    expect(lamp && within(lamp).getByText('Not available')).toBeVisible();
  });

  test('shows how many are left where there are few', async () => {
    const products = catalog.products.map((product) => ({ ...product, left: product.sku === 'PENCILS' ? 3 : null }));
    fakeDaemon({ 'GET /api/products': () => [200, { currency: 'eur', products }] });
    open();

    const pencils = (await screen.findByText('Only 3 left')).closest('li');
    expect(pencils && within(pencils).getByText('Pencils')).toBeVisible();
  });

  test('every button names its product', async () => {
    fakeDaemon();
    open();

    const [notebook, pencils] = await screen.findAllByRole('button', { name: 'Add to cart' });
    expect(notebook).toHaveAccessibleDescription('Notebook');
    expect(pencils).toHaveAccessibleDescription('Pencils');
  });

  test('HTML in a product is text, and its picture is only a picture', async () => {
    const evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
    const product = { sku: 'EVIL', name: evil, description: evil, unit_amount: 100, currency: 'eur', available: true };
    fakeDaemon({
      'GET /api/products': () => [
        200,
        { currency: 'eur', products: [{ ...product, image_url: 'javascript:alert(3)' }] },
      ],
    });
    open();

    expect(await screen.findAllByText(evil)).toHaveLength(2);
    expect(document.querySelectorAll('script, [onerror], a[href^="javascript:"]')).toHaveLength(0);
    expect(document.querySelectorAll('img')).toHaveLength(1);
  });

  test('a product that the daemon could not look up can be asked for again', () => {
    fakeDaemon();
    inPage('unread', true);
    visit((location, goTo) => <App location={location} goTo={goTo} />, '/p/NOTEBOOK');

    expect(screen.getByText(/could not load the products/)).toBeVisible();
    expect(button('Retry')).toBeVisible();
    expect(screen.queryByText('Page not found')).toBeNull();
  });

  test('products that could not be loaded can be asked for again', async () => {
    const daemon = fakeDaemon({ 'GET /api/products': () => [503, { code: 'database_unavailable' }] });
    const shopper = open();
    const retry = await screen.findByRole('button', { name: 'Retry' });
    daemon.on('GET /api/products', () => [200, { currency: 'eur', products: [] }]);
    await shopper.click(retry);

    expect(await screen.findByText('There are no products at the moment.')).toBeVisible();
    expect(screen.getByRole('main')).toHaveFocus(); // Retry, which had it, is gone
  });
});

describe('a page with only the first products', () => {
  const PRODUCTS = 'GET /api/products';
  const products = Array.from({ length: 9 }, (_, index) => ({
    ...catalog.products[1],
    sku: `S${index}`,
    name: `Pencil ${index}`,
    description: 'To draw with.',
  }));
  const withTimers = () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    return (milliseconds: number) => act(() => vi.advanceTimersByTimeAsync(milliseconds));
  };
  const withFirst = () => inPage('catalog', { currency: 'eur', products: products.slice(0, 2), count: 9 });

  test('shows that the others could not be loaded, and denies none of them in a search', async () => {
    withFirst();
    const daemon = fakeDaemon({ [PRODUCTS]: () => [503, { code: 'database_unavailable' }, { 'Retry-After': '600' }] });
    const shopper = open();
    const retry = await screen.findByRole('button', { name: 'Retry' });
    expect(screen.getByText('We could not load all products.')).toBeVisible();
    await shopper.type(screen.getByRole('searchbox', { name: 'Search products' }), 'pencil 8');
    await waitFor(() => expect(screen.queryByText('Pencil 0')).toBeNull());
    expect(screen.queryByText('No product has these words.')).toBeNull();
    daemon.on(PRODUCTS, () => [200, { currency: 'eur', products }]);
    await shopper.click(retry);

    expect(await screen.findByText('Pencil 8')).toBeVisible();
    expect(screen.getByText('1 product')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Retry' })).toBeNull();
  });

  test.each<[when: string, headers: Record<string, string>, wait: number]>([
    ['as soon as the daemon allows', { 'Retry-After': '30' }, 30_000],
    ['after five seconds', {}, 5_000],
  ])('asks for the others again %s', async (_, headers, wait) => {
    const pass = withTimers();
    withFirst();
    const daemon = fakeDaemon({ [PRODUCTS]: () => [503, { code: 'database_unavailable' }, headers] });
    open();
    await pass(1_000);
    expect(button('Retry')).toBeVisible();
    await pass(wait - 2_500);
    expect(daemon.to(PRODUCTS)).toHaveLength(1);
    daemon.on(PRODUCTS, () => [200, { currency: 'eur', products }]);
    await pass(3_000);

    expect(daemon.to(PRODUCTS)).toHaveLength(2);
    expect(screen.getByText('Pencil 8')).toBeVisible();
  });

  test.each<[which: string, headers: Record<string, string>, waits: number[]]>([
    ['grows up to a minute', {}, [5, 10, 20, 40, 60, 60]],
    ['is ten minutes at most', { 'Retry-After': '9000000' }, [600, 600]],
  ])('the wait before it asks again %s', async (_, headers, waits) => {
    const pass = withTimers();
    withFirst();
    const daemon = fakeDaemon({ [PRODUCTS]: () => [503, { code: 'database_unavailable' }, headers] });
    open();
    await pass(1_000);
    for (const [index, wait] of waits.entries()) {
      await pass(wait * 1000 - 2_000);
      expect(daemon.to(PRODUCTS)).toHaveLength(index + 1);
      await pass(2_000);
      expect(daemon.to(PRODUCTS)).toHaveLength(index + 2);
    }
  });

  test('does not ask again before the page is looked at', async () => {
    const pass = withTimers();
    const look = (visibilityState: string) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, value: visibilityState });
      document.dispatchEvent(new Event('visibilitychange'));
    };
    onTestFinished(() => void Reflect.deleteProperty(document, 'visibilityState'));
    look('hidden');
    withFirst();
    const daemon = fakeDaemon({ [PRODUCTS]: () => [503, { code: 'database_unavailable' }] });
    open();
    await pass(60_000);
    expect(daemon.to(PRODUCTS)).toHaveLength(1);
    act(() => look('visible'));
    await pass(1_000);

    expect(daemon.to(PRODUCTS)).toHaveLength(2);
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
    expect(screen.getByRole('main')).toHaveFocus();
  });

  test('does not move the focus to the page behind the cart', async () => {
    fakeDaemon();
    localStorage.setItem('checkout.cart', JSON.stringify({ items: lines(1, 999), code: '' }));
    const shopper = open();
    const [add] = await screen.findAllByRole('button', { name: 'Add to cart' });
    if (add) await shopper.click(add);
    await shopper.click(button('Open cart'));
    await screen.findByTestId('total');
    await shopper.click(button('Dismiss'));

    expect(screen.queryByText(/Your cart already has 999/)).toBeNull();
    expect(document.getElementById('main')).not.toHaveFocus();
  });
});
