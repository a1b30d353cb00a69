/** Stripe's rules for each currency, from the daemon's own table. Intl disagrees for a dozen currencies. */

import table from '../../../../checkout_daemon/model/currencies.json';

export interface CurrencyRule {
  /** Decimals of the major unit: 12.34 EUR is 1234 with exponent 2. */
  readonly exponent: number;
  /** Amounts are multiples of this many minor units. */
  readonly step: number;
}

const rules: Readonly<Record<string, CurrencyRule>> = table.currencies;
const maximums: Readonly<Record<string, number>> = table.maximum_amounts;
const minimums: Readonly<Record<string, number>> = table.minimum_amounts;

export function currencyRule(currency: string): CurrencyRule {
  return rules[currency.toLowerCase()] ?? table.default;
}

/** Return the most that Stripe charges in this currency with every payment method. */
export function maximumAmount(currency: string): number {
  return maximums[currency.toLowerCase()] ?? table.maximum_amount;
}

/** Return the least that Stripe charges in this currency, or one step if it has no minimum. */
export function minimumAmount(currency: string): number {
  return Math.max(minimums[currency.toLowerCase()] ?? 0, currencyRule(currency).step);
}

/** Round numerator / denominator, neither negative, to the nearest amount that can be charged; halves round up. */
export function roundToStep(numerator: bigint, denominator: bigint, currency: string): bigint {
  const step = BigInt(currencyRule(currency).step);
  return ((2n * numerator + step * denominator) / (2n * step * denominator)) * step;
}

/** Convert minor units exactly to a decimal number of major units: 1234 in EUR is 12.34. */
export function decimalText(amount: number, currency: string): string {
  const { exponent } = currencyRule(currency);
  const digits = String(Math.abs(amount)).padStart(exponent + 1, '0');
  const point = digits.length - exponent;
  return `${amount < 0 ? '-' : ''}${digits.slice(0, point)}${exponent > 0 ? '.' : ''}${digits.slice(point)}`;
}
