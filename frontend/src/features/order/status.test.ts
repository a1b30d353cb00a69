import { expect, test } from 'vitest';
import type { OrderStatus } from '@/lib/api';
import { textsOf } from '@/texts/load';
import type { Texts } from '@/texts/texts';
import { type Entrance, headingOf, isSettled, wordingOf } from './status';

const headed = (status: OrderStatus, entrance: Entrance, amount_total = 1450) =>
  headingOf(wordingOf({ status, amount_total }, entrance).tone, textsOf('en') as Texts);

const headings: Readonly<Record<OrderStatus, string>> = {
  pending: 'Payment processing',
  processing: 'Payment processing',
  completed: 'Thank you',
  partially_refunded: 'Thank you',
  refunded: 'Refunded',
  disputed: 'Payment disputed',
  canceled: 'Payment not completed',
  failed: 'Payment not completed',
  expired: 'Payment not completed',
};

test.each(Object.entries(headings))('%s is headed "%s" after paying', (status, heading) => {
  expect(headed(status as OrderStatus, 'success')).toBe(heading);
});

test('a shopper who left the payment page sees that, not that a payment is on its way', () => {
  expect(wordingOf({ status: 'pending', amount_total: 1450 }, 'cancel')).toEqual({ tone: 'bad', text: 'left' });
});

test('a shopper who follows a link to an unpaid order may have just paid it', () => {
  expect(wordingOf({ status: 'pending', amount_total: 1450 }, 'link')).toEqual({ tone: 'bad', text: 'unpaid' });
});

test('a shopper who paid after all is thanked on the cancel page too', () => {
  expect(headed('completed', 'cancel')).toBe('Thank you');
});

test('an order is followed while its status can still change without the shopper', () => {
  expect(Object.keys(headings).filter((status) => !isSettled(status as OrderStatus))).toEqual([
    'pending',
    'processing',
  ]);
});

test('an order for nothing does not claim that its payment arrived', () => {
  expect(wordingOf({ status: 'completed', amount_total: 0 }, 'success').text).toBe('free');
});

test('a refund that waits for the shopper is not claimed to be on its way', () => {
  const refund = { amount: 700, currency: 'eur', created_at: '2026-03-05T10:00:00Z' };
  const wording = (status: OrderStatus) =>
    wordingOf({ status, amount_total: 1450, refunds: [{ ...refund, status: 'requires_action' }] }, 'success');
  expect(wording('refunded')).toEqual({ tone: 'refunded', text: 'refundWaits' });
  expect(wording('partially_refunded')).toEqual({ tone: 'good', text: 'refundWaits' });
  expect(wording('disputed').text).toBe('disputed');
});
