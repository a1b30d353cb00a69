/** The daemon's API as functions: fetch, with the types of openapi.json around it and nothing else. */

import { ApiError, errorOf } from './error';
import { type CartItem, type Operations, ROUTES } from './types';

type Answer<Name extends keyof Operations> = Promise<Operations[Name]['answer']>;

export interface Client {
  readonly fetchProducts: (signal?: AbortSignal) => Answer<'get_products'>;
  /** Nothing is reserved and nothing is promised. `code` may be empty. */
  readonly fetchQuote: (items: readonly CartItem[], code: string, signal?: AbortSignal) => Answer<'post_quote'>;
  /**
   * The same key and body always give the same order, however often they are sent. `language`, a tag such as de-AT, is
   * that of the payment page and of mails; by default the browser's.
   */
  readonly startCheckout: (
    request: Operations['post_checkout']['body'],
    idempotencyKey: string,
    language?: string,
  ) => Answer<'post_checkout'>;
  /** `ref` is a session id or an order id. */
  readonly fetchOrder: (ref: string, signal?: AbortSignal) => Answer<'get_order'>;
  /** `retryUrl` is an order's `retry_url`. */
  readonly retryCheckout: (retryUrl: string) => Answer<'post_retry'>;
}

export interface ClientOptions {
  /** Where the daemon is, such as https://shop.example; by default, where the page came from. */
  readonly base?: string;
  readonly timeoutMs?: number;
}

interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Every function rejects with an ApiError; one whose signal was aborted, with the signal's reason. */
export function createClient({ base = '', timeoutMs = 30_000 }: ClientOptions = {}): Client {
  const origin = base.replace(/\/+$/, '');
  const { get_products, post_quote, post_checkout, get_order } = ROUTES;

  async function call<Name extends keyof Operations>(method: string, path: string, sent: Sent): Answer<Name> {
    const headers: Record<string, string> = { Accept: 'application/json', ...sent.headers };
    const signal = anySignal(AbortSignal.timeout(timeoutMs), sent.signal);
    const init: RequestInit = { method, headers, cache: 'no-store', signal };
    if (sent.body !== undefined) {
      headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(sent.body);
    }
    let response: Response;
    let payload: unknown;
    try {
      response = await fetch(origin + path, init);
      payload = parseJson(await response.text());
    } catch (cause) {
      sent.signal?.throwIfAborted();
      throw new ApiError(0, 'network', `No answer from the shop: ${String(cause)}`);
    }
    if (response.ok && typeof payload === 'object' && payload) return payload as Operations[Name]['answer'];
    throw errorOf(response, payload);
  }

  return {
    fetchProducts: (signal) => call<'get_products'>(get_products.method, get_products.path, { signal }),
    fetchQuote(items, code, signal) {
      const body: Operations['post_quote']['body'] = code ? { items, discount_code: code } : { items };
      return call<'post_quote'>(post_quote.method, post_quote.path, { body, signal });
    },
    startCheckout(body, idempotencyKey, language) {
      const headers: Partial<Record<Operations['post_checkout']['headers'], string>> = {
        'Idempotency-Key': idempotencyKey,
        ...(language ? { 'Accept-Language': language } : {}),
      };
      return call<'post_checkout'>(post_checkout.method, post_checkout.path, { body, headers });
    },
    fetchOrder: (ref, signal) => call<'get_order'>(get_order.method, withRef(get_order.path, ref), { signal }),
    retryCheckout: (retryUrl) => call<'post_retry'>(ROUTES.post_retry.method, retryUrl, {}),
  };
}

/** The `retry_url` of an order whose reference is known. */
export function retryUrlOf(ref: string): string {
  return withRef(ROUTES.post_retry.path, ref);
}

function withRef(path: string, ref: string): string {
  return path.replace('{ref}', encodeURIComponent(ref));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** AbortSignal.any, written out because browsers of 2022 do not have it. */
function anySignal(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  if (!second) return first;
  const both = new AbortController();
  for (const signal of [first, second]) {
    if (signal.aborted) both.abort(signal.reason);
    signal.addEventListener('abort', () => both.abort(signal.reason), { once: true, signal: both.signal });
  }
  return both.signal;
}
