/** The client for the daemon that this page came from, and the API's types under the storefront's names. */

import { createClient } from './client';

export { type Client, createClient, retryUrlOf, type ShippingOptions } from './client';
export { ApiError, type ErrorCode, type ProblemCode } from './error';
export type {
  CartItem,
  Catalog,
  CustomerFields as Customer,
  DiscountAnswer as Discount,
  FieldFault,
  OrderAnswer as Order,
  OrderStatus,
  PricedItem,
  ProductAnswer as Product,
  QuoteAnswer as Quote,
  ShippingFields,
  ShopAnswer as Shop,
  ShopWords,
  StripeCheckoutAnswer as CheckoutSession,
  StripeCheckoutRequest as CheckoutRequest,
  TaxAnswer as Tax,
} from './types';

export const { fetchProducts, fetchQuote, startCheckout, fetchOrder, retryCheckout } = createClient();
