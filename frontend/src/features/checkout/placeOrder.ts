/** Sends the checkout and says where the shopper goes next, or why not. */

import {
  ApiError,
  type CheckoutRequest,
  type CheckoutSession,
  type Quote,
  retryCheckout,
  retryUrlOf,
  startCheckout,
} from '@/lib/api';
import { type LaterReason, whyLater } from '@/lib/explain';
import { type PlacedFaults, placeFaults } from '@/lib/faults';
import { forgetAttempt, keyFor } from './attempt';
import { noteOrder } from './orders';

export type Outcome =
  | { readonly kind: 'leave'; readonly url: string }
  | { readonly kind: 'price_changed'; readonly quote: Quote }
  | { readonly kind: 'faults'; readonly faults: PlacedFaults }
  /** Nothing is wrong with the request: the same one can be sent again. */
  | { readonly kind: 'try_again'; readonly reason: LaterReason }
  /** The same goods were ordered a short while ago; without an order where the details are not those of that order. */
  | { readonly kind: 'placed'; readonly order: PlacedOrder | undefined }
  | { readonly kind: 'refused'; readonly reason: 'notPayable' | 'rejected' };

export interface PlacedOrder {
  readonly id: string;
  readonly number: number;
}

/** `language`, a tag such as de-AT: of the payment page and the mails. */
export async function placeOrder(
  request: CheckoutRequest,
  language?: string,
  now: () => number = Date.now,
): Promise<Outcome> {
  try {
    let session = await send(request, language);
    noteOrder(session, request.items);
    if (needsNewSession(session, now())) session = await retryCheckout(retryUrlOf(session.order_id));
    return { kind: 'leave', url: session.status === 'pending' ? session.url : statusPage(session) };
  } catch (error) {
    if (error instanceof ApiError) return explain(error);
    throw error;
  }
}

async function send(request: CheckoutRequest, language: string | undefined): Promise<CheckoutSession> {
  try {
    return await startCheckout(request, keyFor(request), language);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'idempotency_conflict') throw error;
    forgetAttempt(); // the daemon knows the key with another body: it can never fit
    return startCheckout(request, keyFor(request), language);
  }
}

/** A replay gives the order as it is now: its session may be over, or it may be paid already. */
function needsNewSession(session: CheckoutSession, now: number): boolean {
  const over = session.status === 'failed' || session.status === 'expired';
  return over || (session.status === 'pending' && Date.parse(session.expires_at) <= now);
}

function statusPage(session: CheckoutSession): string {
  return `/success?session_id=${encodeURIComponent(session.session_id)}`;
}

function explain(error: ApiError): Outcome {
  if (error.code === 'price_changed' && error.quote) return { kind: 'price_changed', quote: error.quote };
  if (error.code === 'probably_placed') {
    const { placed } = error;
    return { kind: 'placed', order: placed && { id: placed.order_id, number: placed.number } };
  }
  if (error.faults.length > 0) return { kind: 'faults', faults: placeFaults(error.faults) };
  if (error.code === 'not_payable') {
    forgetAttempt(); // checking out again then makes a new order
    return { kind: 'refused', reason: 'notPayable' };
  }
  if (error.code === 'stripe_rejected') return { kind: 'refused', reason: 'rejected' };
  return { kind: 'try_again', reason: whyLater(error) };
}
