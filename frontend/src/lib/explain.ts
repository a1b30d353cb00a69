/** Says in the shopper's words why a request may succeed later. */

import type { ApiError } from './api';

const KEPT = 'Nothing was charged; your cart and details are kept.';

export function whyLater(error: ApiError): string {
  if (error.code === 'stripe_unavailable') return `The payment service cannot be reached at the moment. ${KEPT}`;
  if (error.code === 'network') return `The shop cannot be reached: please check your connection. ${KEPT}`;
  if (error.status === 429) return `That was a little too often: please wait a minute. ${KEPT}`;
  return `The shop has a problem at the moment. ${KEPT}`;
}
