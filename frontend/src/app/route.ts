/** The storefront's pages and their addresses. */

import addresses from '../../../checkout_daemon/web/pages.json';

/** The page of an order, which the shopper comes to from the payment page or by a link. */
export interface OrderRoute {
  readonly page: 'order';
  readonly entrance: 'success' | 'cancel' | 'link';
  readonly reference: string;
}

/** Before a product's sku. */
const PRODUCT = '/p/';

export type Route =
  | { readonly page: 'catalog' }
  | { readonly page: 'product'; readonly sku: string }
  | OrderRoute
  | { readonly page: 'lost' };

/** The daemon reads the same list and answers 404 for every other address. */
const pages: Readonly<Record<string, string>> = addresses;

/** The page of a placed order. */
export function orderPage(orderId: string): string {
  return `/success?order_id=${encodeURIComponent(orderId)}`;
}

/**
 * Stripe inserts the session id in the success address only, so the cancel address contains the order id. Links in
 * mails and in the shop have the order id, too: they are followed at any time, perhaps right after a payment.
 */
export function routeOf({ pathname, search }: { readonly pathname: string; readonly search: string }): Route {
  const query = new URLSearchParams(search);
  const session = query.get('session_id');
  const byOrder = { page: 'order', reference: query.get('order_id') ?? '' } as const;
  if (pathname.startsWith(PRODUCT)) return { page: 'product', sku: pathname.slice(PRODUCT.length) };
  switch (Object.hasOwn(pages, pathname) ? pages[pathname] : '') {
    case 'catalog':
      return { page: 'catalog' };
    case 'success':
      return session ? { page: 'order', entrance: 'success', reference: session } : { ...byOrder, entrance: 'link' };
    case 'cancel':
      return { ...byOrder, entrance: 'cancel' };
    default:
      return { page: 'lost' };
  }
}
