/** Made by `npm run api` from openapi.json, which the daemon serves: not to be edited. */

export interface CartItem {
  readonly sku: string;
  readonly quantity: number;
}

export interface Catalog {
  /** Three letters, lower-case */
  readonly currency: string;
  readonly products: readonly ProductAnswer[];
}

export interface CustomerFields {
  readonly name: string;
  readonly email: string;
  /** International, with its + */
  readonly phone: string;
}

/** What it took off, and its terms, so that a storefront can tell at once what it takes off a changed cart. */
export interface DiscountAnswer {
  readonly code: string;
  /** In minor units of the currency, as in Stripe's API */
  readonly amount: number;
  /** A decimal number; else there is amount_off */
  readonly percent_off?: string | null;
  /** In minor units of the currency, as in Stripe's API */
  readonly amount_off?: number | null;
  /** The least subtotal it is for */
  readonly minimum_subtotal?: number;
  /** It ends just before */
  readonly ends_at?: string | null;
}

export interface FieldFault {
  /** JSON pointer (RFC 6901) into the request */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface Health {
  readonly status: string;
}

export interface OrderAnswer {
  readonly number: number;
  readonly status: OrderStatus;
  readonly items: readonly PricedItem[];
  /** In minor units of the currency, as in Stripe's API */
  readonly amount_subtotal: number;
  /** In minor units of the currency, as in Stripe's API */
  readonly amount_discount: number;
  /** In minor units of the currency, as in Stripe's API */
  readonly amount_total: number;
  /** Three letters, lower-case */
  readonly currency: string;
  /** Path to POST for another try; present while payable */
  readonly retry_url?: string | null;
  /** What was refunded or is on its way back; absent if nothing */
  readonly amount_refunded?: number;
}

export type OrderStatus = 'canceled' | 'completed' | 'disputed' | 'expired' | 'failed' | 'partially_refunded' | 'pending' | 'processing' | 'refunded';

export interface PricedItem {
  readonly sku: string;
  readonly name: string;
  /** In minor units of the currency, as in Stripe's API */
  readonly unit_amount: number;
  readonly quantity: number;
  /** In minor units of the currency, as in Stripe's API */
  readonly amount: number;
}

/** RFC 9457; `code` is stable, `detail` is for people. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldFault[] | null;
  readonly quote?: QuoteAnswer | null;
  /** The first order, with probably_placed and all of its customer's details */
  readonly order_id?: string | null;
  /** That order's number */
  readonly number?: number | null;
}

export interface ProductAnswer {
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly image_url: string | null;
  /** In minor units of the currency, as in Stripe's API */
  readonly unit_amount: number;
  /** Three letters, lower-case */
  readonly currency: string;
  readonly available: boolean;
}

export interface QuoteAnswer {
  readonly items: readonly PricedItem[];
  /** In minor units of the currency, as in Stripe's API */
  readonly amount_subtotal: number;
  /** In minor units of the currency, as in Stripe's API */
  readonly amount_discount: number;
  /** In minor units of the currency, as in Stripe's API */
  readonly amount_total: number;
  /** Three letters, lower-case */
  readonly currency: string;
  readonly discount?: DiscountAnswer | null;
}

export interface QuoteRequest {
  readonly items: readonly CartItem[];
  readonly discount_code?: string | null;
}

export interface Received {
  readonly received: boolean;
}

export interface StripeCheckoutAnswer {
  readonly order_id: string;
  readonly number: number;
  readonly session_id: string;
  readonly url: string;
  readonly status: OrderStatus;
  /** In minor units of the currency, as in Stripe's API */
  readonly amount_total: number;
  /** Three letters, lower-case */
  readonly currency: string;
  readonly expires_at: string;
}

export interface StripeCheckoutRequest {
  readonly items: readonly CartItem[];
  readonly customer: CustomerFields;
  readonly discount_code?: string | null;
  /** What the shopper was shown; another total is refused */
  readonly expected_total?: number | null;
  /** Make a new order after probably_placed */
  readonly insist?: boolean;
}

export interface Operations {
  /** What there is to buy, available ones first */
  readonly get_products: {
    readonly parameters: never;
    readonly headers: never;
    readonly body: undefined;
    readonly answer: Catalog;
    readonly problems:
      | 'bad_request'
      | 'database_unavailable'
      | 'headers_too_large'
      | 'internal_error'
      | 'method_not_allowed'
      | 'unknown_expectation'
      | 'uri_too_long';
  };
  /** What a cart costs now; no side effect */
  readonly post_quote: {
    readonly parameters: never;
    readonly headers: 'Checkout-Challenge';
    readonly body: QuoteRequest;
    readonly answer: QuoteAnswer;
    readonly problems:
      | 'bad_request'
      | 'body_too_large'
      | 'challenge_required'
      | 'database_unavailable'
      | 'headers_too_large'
      | 'internal_error'
      | 'invalid_request'
      | 'malformed_json'
      | 'method_not_allowed'
      | 'request_timeout'
      | 'server_busy'
      | 'too_many_requests'
      | 'unknown_expectation'
      | 'unsupported_media_type'
      | 'uri_too_long';
  };
  /** Make an order and a Checkout Session to pay it */
  readonly post_checkout: {
    readonly parameters: never;
    readonly headers: 'Checkout-Challenge' | 'Idempotency-Key' | 'Accept-Language';
    readonly body: StripeCheckoutRequest;
    readonly answer: StripeCheckoutAnswer;
    readonly problems:
      | 'bad_request'
      | 'body_too_large'
      | 'challenge_required'
      | 'database_unavailable'
      | 'headers_too_large'
      | 'idempotency_conflict'
      | 'internal_error'
      | 'invalid_request'
      | 'malformed_json'
      | 'method_not_allowed'
      | 'not_found'
      | 'price_changed'
      | 'probably_placed'
      | 'request_timeout'
      | 'server_busy'
      | 'stripe_rejected'
      | 'stripe_unavailable'
      | 'too_many_requests'
      | 'unknown_expectation'
      | 'unsupported_media_type'
      | 'uri_too_long';
  };
  /** An order as its shopper may see it */
  readonly get_order: {
    readonly parameters: 'ref';
    readonly headers: never;
    readonly body: undefined;
    readonly answer: OrderAnswer;
    readonly problems:
      | 'bad_request'
      | 'database_unavailable'
      | 'headers_too_large'
      | 'internal_error'
      | 'method_not_allowed'
      | 'not_found'
      | 'too_many_requests'
      | 'unknown_expectation'
      | 'uri_too_long';
  };
  /** A session to pay an unpaid order */
  readonly post_retry: {
    readonly parameters: 'ref';
    readonly headers: 'Checkout-Challenge';
    readonly body: undefined;
    readonly answer: StripeCheckoutAnswer;
    readonly problems:
      | 'bad_request'
      | 'challenge_required'
      | 'database_unavailable'
      | 'headers_too_large'
      | 'internal_error'
      | 'method_not_allowed'
      | 'not_found'
      | 'not_payable'
      | 'stripe_rejected'
      | 'stripe_unavailable'
      | 'too_many_requests'
      | 'unknown_expectation'
      | 'uri_too_long';
  };
}

export const ROUTES = {
  get_products: { method: 'GET', path: '/api/products' },
  post_quote: { method: 'POST', path: '/api/quotes' },
  post_checkout: { method: 'POST', path: '/api/stripe-checkout' },
  get_order: { method: 'GET', path: '/api/stripe-checkout/{ref}' },
  post_retry: { method: 'POST', path: '/api/stripe-checkout/{ref}/retry' },
} as const;
