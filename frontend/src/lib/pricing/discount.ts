/** What a discount takes off and why it may not apply, by the daemon's rules. */

import { roundToStep } from './currencies';
import type { PriceFault } from './lines';

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

/** Return what is taken off that subtotal: at most all of it, rounded half up to the currency's step. */
export function discountAmount(terms: DiscountTerms, subtotal: bigint, currency: string): bigint {
  const [numerator, denominator] = wanted(terms, subtotal);
  const rounded = roundToStep(numerator, denominator, currency);
  return rounded < subtotal ? rounded : subtotal;
}

/** Return why the discount does not apply. `subtotal` is undefined if a line is faulty. */
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

/** Return the exact discount as a fraction: numerator and denominator. */
function wanted({ percent_off, amount_off }: DiscountTerms, subtotal: bigint): readonly [bigint, bigint] {
  if (!percent_off) return [BigInt(amount_off ?? 0), 1n];
  const [whole = '0', decimals = ''] = percent_off.split('.');
  return [BigInt(whole + decimals) * subtotal, 100n * 10n ** BigInt(decimals.length)];
}
