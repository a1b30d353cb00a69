import { expect, test, vi } from 'vitest';
import { fakeDaemon, session } from '@/test/daemon';
import { ApiError, createClient, fetchOrder, fetchProducts, fetchQuote, retryUrlOf, startCheckout } from '.';

const request = { items: [{ sku: 'NOTEBOOK', quantity: 1 }], customer: { name: 'A', email: 'a@b.at', phone: '+431' } };

async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

test('a problem keeps its status, code, detail and faults', async () => {
  const errors = [{ pointer: '/items', code: 'empty_cart', detail: 'the cart is empty' }];
  fakeDaemon({ 'POST /api/quotes': () => [422, { code: 'invalid_request', detail: 'the cart is empty', errors }] });

  const error = await failureOf(fetchQuote([], ''));

  expect(error).toMatchObject({ status: 422, code: 'invalid_request', message: 'the cart is empty', faults: errors });
});

test('an answer that is not the daemon’s own is named by its status', async () => {
  fakeDaemon({ 'POST /api/quotes': () => [502, 'Bad Gateway'] });

  expect(await failureOf(fetchQuote([], ''))).toMatchObject({ status: 502, code: 'http_502' });
});

test.each([null, 'maintenance'])('a success that is no JSON object (%j) is a failure', async (body) => {
  fakeDaemon({ 'POST /api/quotes': () => [200, body] });

  expect(await failureOf(fetchQuote([], ''))).toMatchObject({ status: 200, code: 'http_200' });
});

test('faults in a shape that is not the daemon’s are none', async () => {
  fakeDaemon({ 'POST /api/quotes': () => [422, { errors: { items: ['are bad'] } }] });

  expect((await failureOf(fetchQuote([], ''))).faults).toEqual([]);
});

test('no answer is code network', async () => {
  fakeDaemon({ 'POST /api/quotes': () => new TypeError('Failed to fetch') });

  expect(await failureOf(fetchQuote([], ''))).toMatchObject({ status: 0, code: 'network' });
});

test('a caller that gave up gets its own reason back, not a network failure', async () => {
  const abort = new AbortController();
  fakeDaemon({
    'POST /api/quotes': () => {
      abort.abort(new Error('never mind'));
      return [200, {}];
    },
  });

  await expect(fetchQuote([], '', abort.signal)).rejects.toThrow('never mind');
});

test('the checkout carries its key, and references are escaped in paths', async () => {
  const daemon = fakeDaemon();

  await startCheckout(request, 'key-1');
  await failureOf(fetchOrder('a/b'));

  expect(daemon.to('POST /api/stripe-checkout')).toMatchObject([{ key: 'key-1', body: request }]);
  expect(daemon.to('GET /api/stripe-checkout/a%2Fb')).toHaveLength(1);
});

test('only the product list is kept, and asked about each time', async () => {
  const daemon = fakeDaemon();

  await fetchProducts();
  await fetchQuote(request.items, '');
  await startCheckout(request, 'key-1');

  expect(daemon.asked.map(({ path, cache }) => [path, cache])).toEqual([
    ['/api/products', 'no-cache'],
    ['/api/quotes', 'no-store'],
    ['/api/stripe-checkout', 'no-store'],
  ]);
});

test('a shop elsewhere names the daemon once, also for paths that come with an answer', async () => {
  const daemon = fakeDaemon({
    'GET https://pay.example/api/products': () => [200, { currency: 'eur', products: [] }],
    'POST https://pay.example/api/stripe-checkout/o_1/retry': () => [200, session],
  });
  const client = createClient({ base: 'https://pay.example/' });

  expect(await client.fetchProducts()).toEqual({ currency: 'eur', products: [] });
  expect(await client.retryCheckout(retryUrlOf('o_1'))).toEqual(session);
  expect(daemon.asked).toHaveLength(2);
});

test('a daemon that takes too long is no answer', async () => {
  fakeDaemon({ 'GET /api/products': () => new Promise((resolve) => setTimeout(() => resolve([200, {}]), 50)) });
  const client = createClient({ timeoutMs: 1 });

  expect(await failureOf(client.fetchProducts())).toMatchObject({ status: 0, code: 'network' });
});

test('how long to wait comes with the refusal', async () => {
  const headers = { 'Retry-After': '7' };
  vi.stubGlobal('fetch', async () => Response.json({ code: 'too_many_requests' }, { status: 429, headers }));

  expect(await failureOf(fetchProducts())).toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 7 });
});
