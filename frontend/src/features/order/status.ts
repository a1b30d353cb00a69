/** What an order's status means for the shopper. */

import type { Order, OrderStatus } from '@/lib/api';
import type { Texts } from '@/texts/texts';

/** Which way the shopper came: from the payment page after paying, from there without paying, or by a link. */
export type Entrance = 'success' | 'cancel' | 'link';

export type Tone = 'good' | 'waiting' | 'bad' | 'refunded' | 'disputed';

/** A string of the texts for orders. */
type OrderText = { [K in keyof Texts['order']]: Texts['order'][K] extends string ? K : never }[keyof Texts['order']];

export interface Wording {
  readonly tone: Tone;
  readonly text: OrderText;
}

const WORDINGS: Readonly<Record<OrderStatus, Wording>> = {
  pending: { tone: 'waiting', text: 'confirming' },
  processing: { tone: 'waiting', text: 'bankWorks' },
  completed: { tone: 'good', text: 'completed' },
  partially_refunded: { tone: 'good', text: 'partiallyRefunded' },
  refunded: { tone: 'refunded', text: 'refunded' },
  disputed: { tone: 'disputed', text: 'disputed' },
  canceled: { tone: 'bad', text: 'canceled' },
  failed: { tone: 'bad', text: 'failed' },
  expired: { tone: 'bad', text: 'expired' },
};

const HEADINGS = {
  good: 'thanks',
  waiting: 'processing',
  bad: 'notCompleted',
  refunded: 'refundedHeading',
  disputed: 'disputedHeading',
} as const satisfies Record<Tone, OrderText>;

export function wordingOf(
  { status, amount_total, shipped_at, refunds }: Pick<Order, 'status' | 'amount_total' | 'shipped_at' | 'refunds'>,
  entrance: Entrance,
): Wording {
  if (entrance !== 'success' && status === 'pending') {
    return { tone: 'bad', text: entrance === 'cancel' ? 'left' : 'unpaid' };
  }
  if (status === 'completed' && shipped_at) return { tone: 'good', text: 'sent' };
  if (status === 'completed' && amount_total === 0) return { tone: 'good', text: 'free' };
  if (status.endsWith('refunded') && refunds?.some((refund) => refund.status === 'requires_action')) {
    return { ...WORDINGS[status], text: 'refundWaits' };
  }
  return WORDINGS[status];
}

export function headingOf(tone: Tone, texts: Texts): string {
  return texts.order[HEADINGS[tone]];
}

export function isSettled(status: OrderStatus): boolean {
  return status !== 'pending' && status !== 'processing';
}
