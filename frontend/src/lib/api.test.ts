import { expect, test } from 'vitest';
import { fakeDaemon } from '@/test/daemon';
import { ApiError, fetchOrder, fetchQuote, startCheckout } from './api';

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
