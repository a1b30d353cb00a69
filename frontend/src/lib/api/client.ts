/** The daemon's API as functions: a thin layer over fetch with the types of openapi.json. */

import { ApiError, errorOf } from './error';
import type { CartItem, operations, paths, QuoteRequest, StripeCheckoutRequest } from './types';

type Path = keyof paths;
type Method = 'GET' | 'POST';

/** The JSON body of each status that has one; problems have a media type of their own. */
type Answers<Responses> = {
  [Status in keyof Responses]: Responses[Status] extends { content: { 'application/json': infer Body } } ? Body : never;
};

/** What an operation answers when it succeeds. */
type Answer<Operation> = Operation extends { responses: infer Responses }
  ? Promise<Answers<Responses>[keyof Responses]>
  : never;

export type Client = ReturnType<typeof createClient>;

export interface ClientOptions {
  /** The daemon's address, such as https://shop.example. The default is the page's origin. */
  readonly base?: string;
  readonly timeoutMs?: number;
}

export interface ShippingOptions {
  readonly country?: string;
  readonly rate?: string;
  readonly language?: string | undefined;
}

interface Sent {
  /** Where to send it, if not to the operation's own path. */
  readonly url?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** `no-cache` keeps the answer, and asks the daemon each time whether it is still right. */
  readonly cache?: RequestCache;
}

const ORDER = '/api/stripe-checkout/{ref}';
const RETRY = '/api/stripe-checkout/{ref}/retry';

/** Every function rejects with an ApiError, or with the signal's reason if its signal was aborted. */
export function createClient({ base = '', timeoutMs = 30_000 }: ClientOptions = {}) {
  const origin = base.replace(/\/+$/, '');

  async function call<M extends Method, P extends Path>(
    method: M,
    path: P,
    { url = path, body, headers = {}, signal, cache = 'no-store' }: Sent,
  ): Promise<Awaited<Answer<paths[P][Lowercase<M>]>>> {
    let response: Response;
    let payload: unknown;
    try {
      response = await fetch(origin + url, {
        method,
        headers: { Accept: 'application/json', ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
        body: body ? JSON.stringify(body) : null,
        cache,
        signal: anySignal(AbortSignal.timeout(timeoutMs), signal),
      });
      payload = parseJson(await response.text());
    } catch (cause) {
      signal?.throwIfAborted();
      throw new ApiError(0, 'network', `No answer from the shop: ${String(cause)}`);
    }
    if (response.ok && typeof payload === 'object' && payload) {
      return payload as Awaited<Answer<paths[P][Lowercase<M>]>>;
    }
    throw errorOf(response, payload);
  }

  return {
    fetchProducts: (signal?: AbortSignal) => call('GET', '/api/products', { signal, cache: 'no-cache' }),
    /**
     * Price a cart; nothing is reserved or promised. `code` may be empty. With a country the quote has the rates to ship
     * there, named in `language`, and with one of them its amount.
     */
    fetchQuote(items: readonly CartItem[], code: string, signal?: AbortSignal, to: ShippingOptions = {}) {
      const body: QuoteRequest = {
        items,
        ...(code ? { discount_code: code } : {}),
        ...(to.country ? { country: to.country } : {}),
        ...(to.country && to.rate ? { shipping_rate: to.rate } : {}),
      };
      const headers = to.language ? { 'Accept-Language': to.language } : {};
      return call('POST', '/api/quotes', { body, headers, signal });
    },
    /**
     * The same key and body always give the same order, however often they are sent. `language`, a tag such as de-AT,
     * is the language of the payment page and of mails; the default is the browser's.
     */
    startCheckout(body: StripeCheckoutRequest, idempotencyKey: string, language?: string) {
      const headers: operations['post_checkout']['parameters']['header'] = {
        'Idempotency-Key': idempotencyKey,
        ...(language ? { 'Accept-Language': language } : {}),
      };
      return call('POST', '/api/stripe-checkout', { body, headers });
    },
    /** `ref` is a session id or an order id. */
    fetchOrder: (ref: string, signal?: AbortSignal) => call('GET', ORDER, { url: withRef(ORDER, ref), signal }),
    /** `retryUrl` is an order's `retry_url`. */
    retryCheckout: (retryUrl: string) => call('POST', RETRY, { url: retryUrl }),
  };
}

/** Return the `retry_url` of the order with this reference. */
export function retryUrlOf(ref: string): string {
  return withRef(RETRY, ref);
}

function withRef(path: Path, ref: string): string {
  return path.replace('{ref}', encodeURIComponent(ref));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** AbortSignal.any, which browsers of 2022 lack. */
function anySignal(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  if (!second) return first;
  const both = new AbortController();
  for (const signal of [first, second]) {
    if (signal.aborted) both.abort(signal.reason);
    signal.addEventListener('abort', () => both.abort(signal.reason), { once: true, signal: both.signal });
  }
  return both.signal;
}
