/** What an order's status means for the shopper, in words. */

import type { OrderStatus } from '@/lib/api';

/** Which way the shopper came back from the payment page. */
export type Entrance = 'success' | 'cancel';

export type Tone = 'good' | 'waiting' | 'bad';

export interface Wording {
  readonly heading: 'Thank you' | 'Payment processing' | 'Payment not completed';
  readonly text: string;
  readonly tone: Tone;
}

const NOT_COMPLETED = 'Payment not completed';

const WORDINGS: Readonly<Record<OrderStatus, Wording>> = {
  pending: {
    heading: 'Payment processing',
    text: 'We are waiting for the payment service to confirm your payment. This page follows it by itself.',
    tone: 'waiting',
  },
  processing: {
    heading: 'Payment processing',
    text:
      'Your order is placed and your bank is working on the payment, which can take a few days with some ways to pay. ' +
      'There is nothing more to do: this page follows it by itself, and its address shows the state at any time.',
    tone: 'waiting',
  },
  completed: { heading: 'Thank you', text: 'Your payment has arrived and your order is confirmed.', tone: 'good' },
  partially_refunded: {
    heading: 'Thank you',
    text: 'Your order was paid. A part of it was refunded to you since.',
    tone: 'good',
  },
  refunded: {
    heading: 'Thank you',
    text: 'Your order was paid, and the whole amount was refunded to you since.',
    tone: 'good',
  },
  disputed: {
    heading: 'Thank you',
    text: 'Your order was paid. The payment is disputed with the bank at the moment.',
    tone: 'good',
  },
  canceled: {
    heading: NOT_COMPLETED,
    text: 'This order was canceled. Nothing more will be charged for it.',
    tone: 'bad',
  },
  failed: {
    heading: NOT_COMPLETED,
    text: 'The payment failed, so nothing was paid. You can try again, also in another way.',
    tone: 'bad',
  },
  expired: {
    heading: NOT_COMPLETED,
    text: 'The time to pay ran out, so nothing was charged. You can try again.',
    tone: 'bad',
  },
};

const LEFT: Wording = {
  heading: NOT_COMPLETED,
  text: 'You left the payment page before paying. Nothing was charged, and your cart is as it was.',
  tone: 'bad',
};

export function wordingOf(status: OrderStatus, entrance: Entrance): Wording {
  return entrance === 'cancel' && status === 'pending' ? LEFT : WORDINGS[status];
}

export function isSettled(status: OrderStatus): boolean {
  return status !== 'pending' && status !== 'processing';
}

/** Money has arrived for it; that nothing takes back, whatever came after. */
export function isPaid(status: OrderStatus): boolean {
  return WORDINGS[status].heading === 'Thank you';
}
