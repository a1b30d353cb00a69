/** A fake daemon at the network's edge: answers by method and path, and a record of the requests. */

import { onTestFinished, vi } from 'vitest';
import type { Catalog, CheckoutSession, Order, Quote } from '@/lib/api';

export interface Asked {
  readonly method: string;
  readonly path: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into whatever was sent.
  readonly body: any;
  readonly key: string | null;
  readonly language: string | null;
  readonly cache: RequestCache | undefined;
}

/** A status, a body and perhaps headers, or an Error for no answer at all. */
export type Answer = readonly [status: number, body: unknown, headers?: Readonly<Record<string, string>>] | Error;
export type Handler = (asked: Asked) => Answer | Promise<Answer>;

export interface FakeDaemon {
  readonly asked: Asked[];
  /** The requests to one path. */
  readonly to: (route: string) => Asked[];
  /** Sets or replaces the answer to a route, such as `POST /api/quotes`. */
  readonly on: (route: string, handler: Handler) => void;
}

export function fakeDaemon(routes: Readonly<Record<string, Handler>> = {}): FakeDaemon {
  const handlers = new Map(Object.entries({ ...defaults, ...routes }));
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const headers = new Headers(init.headers);
    const body = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
    const [key, language] = [headers.get('Idempotency-Key'), headers.get('Accept-Language')];
    const request = { method: init.method ?? 'GET', path, body, key, language, cache: init.cache };
    asked.push(request);
    const handler = handlers.get(`${request.method} ${path}`);
    const answer: Answer = handler ? await handler(request) : [404, { code: 'not_found' }];
    if (init.signal?.aborted) throw init.signal.reason;
    if (answer instanceof Error) throw answer;
    const [status, payload, more = {}] = answer;
    return new Response(JSON.stringify(payload), { status, headers: more });
  });
  return {
    asked,
    to: (route) => asked.filter(({ method, path }) => `${method} ${path}` === route),
    on: (route, handler) => void handlers.set(route, handler),
  };
}

/** Write data into the page, as the daemon does, until the test ends. */
export function inPage(name: string, value: unknown): void {
  const data = Object.assign(document.createElement('script'), { id: name, type: 'application/json' });
  data.textContent = JSON.stringify(value);
  document.body.append(data);
  onTestFinished(() => data.remove());
}

export const catalog: Catalog = {
  currency: 'eur',
  products: [
    product('NOTEBOOK', 'Notebook', 1450),
    product('PENCILS', 'Pencils', 850),
    { ...product('LAMP', 'Lamp', 8900), available: false },
  ],
};

function product(sku: string, name: string, unit_amount: number) {
  const image_url = `/products/${sku}.svg`;
  return { sku, name, description: `${name} to have`, image_url, unit_amount, currency: 'eur', available: true };
}

/** Price a quote as the daemon would; the code TEN takes off ten percent. */
export function quoteFor(body: { items: { sku: string; quantity: number }[]; discount_code?: string }): Quote {
  const items = body.items.map(({ sku, quantity }) => {
    const found = catalog.products.find((one) => one.sku === sku);
    const unit_amount = found?.unit_amount ?? 0;
    return { sku, name: found?.name ?? sku, unit_amount, quantity, amount: unit_amount * quantity };
  });
  const amount_subtotal = items.reduce((sum, item) => sum + item.amount, 0);
  const amount_discount = body.discount_code === 'TEN' ? Math.round(amount_subtotal / 10) : 0;
  const totals = { amount_subtotal, amount_discount, amount_total: amount_subtotal - amount_discount, currency: 'eur' };
  return body.discount_code === 'TEN'
    ? { items, ...totals, discount: { code: 'TEN', amount: amount_discount, percent_off: '10' } }
    : { items, ...totals };
}

export const session: CheckoutSession = {
  order_id: '6c0f6a52-9d3e-4c57-9d0c-0d0a5b1c2d3e',
  number: 1001,
  session_id: 'cs_test_1',
  url: 'https://pay.example/cs_test_1',
  status: 'pending',
  amount_total: 1450,
  currency: 'eur',
  expires_at: '2999-01-01T00:00:00Z',
};

export const order: Order = {
  number: 1001,
  status: 'completed',
  items: [{ sku: 'NOTEBOOK', name: 'Notebook', unit_amount: 1450, quantity: 1, amount: 1450 }],
  amount_subtotal: 1450,
  amount_discount: 0,
  amount_total: 1450,
  currency: 'eur',
  created_at: '2026-03-02T10:00:00Z',
};

export function invalid(pointer: string, detail: string, code = 'invalid'): Answer {
  return [422, { code: 'invalid_request', errors: [{ pointer, code, detail }] }];
}

const defaults: Readonly<Record<string, Handler>> = {
  'GET /api/products': () => [200, catalog],
  'POST /api/quotes': ({ body }) =>
    body.discount_code && body.discount_code !== 'TEN'
      ? invalid('/discount_code', `there is no code ${body.discount_code}`)
      : [200, quoteFor(body)],
  'POST /api/stripe-checkout': () => [201, session],
};
