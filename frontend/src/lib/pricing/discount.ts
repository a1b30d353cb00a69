/** What a discount takes off, how it is shared among the lines, and why it may not apply: the daemon's rules. */

import { currencyRule, roundToStep } from './currencies';
import type { PriceFault } from './fault';

/** Either `percent_off`, a decimal number as text, or `amount_off` in minor units. Times are RFC 3339. */
export interface DiscountTerms {
  readonly code: string;
  readonly percent_off?: string | null;
  readonly amount_off?: number | null;
  /** Absent: any. */
  readonly currency?: string | null;
  readonly minimum_subtotal?: number;
  readonly starts_at?: string | null;
  /** It ends just before. */
  readonly ends_at?: string | null;
}

/** What it takes off that subtotal: never more than all of it, rounded half up to the currency's step. */
export function discountAmount(terms: DiscountTerms, subtotal: bigint, currency: string): bigint {
  const [numerator, denominator] = wanted(terms, subtotal);
  const rounded = roundToStep(numerator, denominator, currency);
  return rounded < subtotal ? rounded : subtotal;
}

/** Each line's part by its amount, in whole steps, by largest remainder; among equal ones the first lines win. */
export function shareDiscount(amounts: readonly bigint[], discount: bigint, currency: string): bigint[] {
  const step = BigInt(currencyRule(currency).step);
  const total = amounts.reduce((sum, amount) => sum + amount, 0n);
  if (total === 0n) return amounts.map(() => 0n);
  const steps = discount / step;
  const parts = amounts.map((amount, index) => {
    const share = steps * amount;
    return { index, whole: share / total, remainder: share % total };
  });
  const missing = steps - parts.reduce((sum, { whole }) => sum + whole, 0n);
  const first = [...parts].sort((one, other) => compare(other.remainder, one.remainder)).slice(0, Number(missing));
  const raised = new Set(first.map(({ index }) => index));
  return parts.map(({ index, whole }) => (whole + (raised.has(index) ? 1n : 0n)) * step);
}

/** `subtotal` undefined: not known, because lines are faulty. */
export function discountFaults(
  terms: DiscountTerms,
  subtotal: bigint | undefined,
  currency: string,
  now: number,
): PriceFault[] {
  const codes: string[] = [];
  if (terms.starts_at && now < Date.parse(terms.starts_at)) codes.push('discount_not_started');
  if (terms.ends_at && now >= Date.parse(terms.ends_at)) codes.push('discount_expired');
  if (terms.currency && terms.currency !== currency) codes.push('discount_currency');
  else if (subtotal !== undefined && subtotal < BigInt(terms.minimum_subtotal ?? 0)) codes.push('discount_minimum');
  return codes.map((code) => ({ pointer: '/discount_code', code }));
}

/** As a fraction: numerator and denominator. */
function wanted({ percent_off, amount_off }: DiscountTerms, subtotal: bigint): readonly [bigint, bigint] {
  if (!percent_off) return [BigInt(amount_off ?? 0), 1n];
  const [whole = '0', decimals = ''] = percent_off.split('.');
  return [BigInt(whole + decimals) * subtotal, 100n * 10n ** BigInt(decimals.length)];
}

function compare(one: bigint, other: bigint): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
