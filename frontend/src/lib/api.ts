/** The daemon's HTTP API as typed functions; every failure becomes an ApiError with the daemon's stable code. */

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly image_url: string | null;
  /** In minor units of `currency`, as every amount here. */
  readonly unit_amount: number;
  readonly currency: string;
  readonly available: boolean;
}

export interface Catalog {
  readonly currency: string;
  readonly products: readonly Product[];
}

export interface CartItem {
  readonly sku: string;
  readonly quantity: number;
}

export interface PricedItem extends CartItem {
  readonly name: string;
  readonly unit_amount: number;
  readonly amount: number;
}

export interface Quote {
  readonly items: readonly PricedItem[];
  readonly discount?: { readonly code: string; readonly amount: number } | null;
  readonly amount_subtotal: number;
  readonly amount_discount: number;
  readonly amount_total: number;
  readonly currency: string;
}

export interface Customer {
  readonly name: string;
  readonly email: string;
  readonly phone: string;
}

export interface CheckoutRequest {
  readonly items: readonly CartItem[];
  readonly customer: Customer;
  readonly discount_code?: string;
  /** The total the shopper saw; the daemon answers `price_changed` when it no longer holds. */
  readonly expected_total?: number;
}

export type OrderStatus =
  | 'pending'
  | 'processing'
  | 'completed'
  | 'partially_refunded'
  | 'refunded'
  | 'disputed'
  | 'canceled'
  | 'failed'
  | 'expired';

export interface CheckoutSession {
  readonly order_id: string;
  readonly number: number;
  readonly session_id: string;
  readonly url: string;
  readonly status: OrderStatus;
  readonly amount_total: number;
  readonly currency: string;
  readonly expires_at: string;
}

export interface Order {
  readonly number: number;
  readonly status: OrderStatus;
  readonly items: readonly PricedItem[];
  readonly amount_subtotal: number;
  readonly amount_discount: number;
  readonly amount_total: number;
  readonly currency: string;
  /** Path to POST for another try; present while the order can be paid. */
  readonly retry_url?: string | null;
}

export interface FieldFault {
  /** JSON pointer into the request, such as /customer/email. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

interface Problem {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldFault[];
  readonly quote?: Quote;
}

/** `code` is the daemon's, or `network` when no answer came, or `http_<status>` when the answer was not the daemon's. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly faults: readonly FieldFault[];
  readonly quote: Quote | undefined;

  constructor(status: number, code: string, message: string, problem: Problem = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.faults = problem.errors ?? [];
    this.quote = problem.quote;
  }
}

const TIMEOUT_MS = 30_000;

export function fetchProducts(signal?: AbortSignal): Promise<Catalog> {
  return call<Catalog>('GET', '/api/products', { signal });
}

export function fetchQuote(items: readonly CartItem[], code: string, signal?: AbortSignal): Promise<Quote> {
  return call<Quote>('POST', '/api/quotes', { body: code ? { items, discount_code: code } : { items }, signal });
}

/** The same key and body always give the same order, however often they are sent. */
export function startCheckout(request: CheckoutRequest, idempotencyKey: string): Promise<CheckoutSession> {
  return call<CheckoutSession>('POST', '/api/stripe-checkout', {
    body: request,
    // Mails about the order are in the language that the shop is read in.
    headers: { 'Idempotency-Key': idempotencyKey, 'Accept-Language': document.documentElement.lang || 'en' },
  });
}

/** `ref` is a session id or an order id. */
export function fetchOrder(ref: string, signal?: AbortSignal): Promise<Order> {
  return call<Order>('GET', `/api/stripe-checkout/${encodeURIComponent(ref)}`, { signal });
}

/** `retryUrl` is an order's `retry_url`. */
export function retryCheckout(retryUrl: string): Promise<CheckoutSession> {
  return call<CheckoutSession>('POST', retryUrl, {});
}

export function retryUrlOf(ref: string): string {
  return `/api/stripe-checkout/${encodeURIComponent(ref)}/retry`;
}

interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

async function call<T>(method: 'GET' | 'POST', path: string, options: CallOptions): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  const init: RequestInit = { method, headers, cache: 'no-store', signal: anySignal(timeout, options.signal) };
  if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(options.body);
  }

  let response: Response;
  let payload: unknown;
  try {
    response = await fetch(path, init);
    payload = parseJson(await response.text());
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new ApiError(0, 'network', `No answer from the shop: ${String(cause)}`);
  }
  if (response.ok && payload !== undefined) return payload as T;

  const problem = (typeof payload === 'object' && payload !== null ? payload : {}) as Problem;
  const message = problem.detail ?? problem.title ?? `The shop answered with status ${response.status}.`;
  throw new ApiError(response.status, problem.code ?? `http_${response.status}`, message, problem);
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
