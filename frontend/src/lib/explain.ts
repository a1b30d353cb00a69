/** Why a request may succeed later, and when; the texts describe each reason. */

import type { ApiError } from './api';

export type LaterReason = 'stripe' | 'network' | 'busy' | 'shop';

export interface Later {
  readonly reason: LaterReason;
  /** Undefined if the daemon did not send it. */
  readonly waitSeconds: number | undefined;
}

export function whyLater(error: ApiError): Later {
  return { reason: reasonOf(error), waitSeconds: error.retryAfterSeconds };
}

function reasonOf({ code, status }: ApiError): LaterReason {
  if (code === 'stripe_unavailable') return 'stripe';
  if (code === 'network') return 'network';
  return status === 429 ? 'busy' : 'shop';
}
