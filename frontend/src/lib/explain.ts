/** Why a request may succeed later; the texts describe each reason. */

import type { ApiError } from './api';

export type LaterReason = 'stripe' | 'network' | 'busy' | 'shop';

export function whyLater(error: ApiError): LaterReason {
  if (error.code === 'stripe_unavailable') return 'stripe';
  if (error.code === 'network') return 'network';
  return error.status === 429 ? 'busy' : 'shop';
}
