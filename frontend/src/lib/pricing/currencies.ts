/** How Stripe counts each currency, from the table that the daemon reads too. Intl disagrees with it for a dozen. */

import table from '../../../../checkout_daemon/domain/currencies.json';

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

/** The most that Stripe charges in this currency with every payment method. */
export function maximumAmount(currency: string): number {
  return maximums[currency.toLowerCase()] ?? table.maximum_amount;
}

/** The least that Stripe charges in this currency; one step where it names none. */
export function minimumAmount(currency: string): number {
  return Math.max(minimums[currency.toLowerCase()] ?? 0, currencyRule(currency).step);
}

/** The nearest amount to numerator / denominator that can be charged; a half goes up. Neither may be negative. */
export function roundToStep(numerator: bigint, denominator: bigint, currency: string): bigint {
  const step = BigInt(currencyRule(currency).step);
  return ((2n * numerator + step * denominator) / (2n * step * denominator)) * step;
}

/** Minor units as a decimal number of major ones: 1234 of EUR is 12.34. Exact. */
export function decimalText(amount: number, currency: string): string {
  const { exponent } = currencyRule(currency);
  const digits = String(Math.abs(amount)).padStart(exponent + 1, '0');
  const point = digits.length - exponent;
  return `${amount < 0 ? '-' : ''}${digits.slice(0, point)}${exponent > 0 ? '.' : ''}${digits.slice(point)}`;
}
