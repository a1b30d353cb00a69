/** Send the checkout, and return where the shopper goes next or why it failed. */

import {
  ApiError,
  type CheckoutRequest,
  type CheckoutSession,
  type Quote,
  retryCheckout,
  retryUrlOf,
  startCheckout,
} from '@/lib/api';
import { type Later, whyLater } from '@/lib/explain';
import { type PlacedFaults, placeFaults } from '@/lib/faults';
import { forgetAttempt, keyFor } from './attempt';
import { noteOrder } from './orders';

export type Outcome =
  | { readonly kind: 'leave'; readonly url: string }
  | { readonly kind: 'price_changed'; readonly quote: Quote }
  | { readonly kind: 'faults'; readonly faults: PlacedFaults }
  /** The request is fine and can be sent again. */
  | ({ readonly kind: 'try_again' } & Later)
  /** The same items were ordered recently. `order` is undefined unless the customer's details match that order. */
  | { readonly kind: 'placed'; readonly order: PlacedOrder | undefined }
  | { readonly kind: 'refused'; readonly reason: 'notPayable' | 'rejected' };

export interface PlacedOrder {
  readonly id: string;
  readonly number: number;
}

/** `language` is the tag, such as de-AT, for the payment page and the mails. */
export async function placeOrder(
  request: CheckoutRequest,
  language?: string,
  now: () => number = Date.now,
): Promise<Outcome> {
  try {
    let session = await send(request, language);
    noteOrder(session, request);
    if (needsNewSession(session, now())) session = await retryCheckout(retryUrlOf(session.order_id));
    return { kind: 'leave', url: session.status === 'pending' ? session.url : statusPage(session) };
  } catch (error) {
    if (error instanceof ApiError) return explain(error);
    throw error;
  }
}

async function send(request: CheckoutRequest, language: string | undefined): Promise<CheckoutSession> {
  try {
    const session = await startCheckout(request, keyFor(request), language);
    if (session.status !== 'canceled') return session;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'idempotency_conflict') throw error;
  }
  forgetAttempt(); // the daemon knows this key with another body, or its order was canceled: it is of no more use
  return startCheckout(request, keyFor(request), language);
}

/** A replayed request returns the order as it is now: its session may have expired, or it may be paid. */
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
  return { kind: 'try_again', ...whyLater(error) };
}
