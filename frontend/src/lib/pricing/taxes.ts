/** The tax that gross amounts include, by the daemon's rules (checkout_daemon/catalog/taxes.py). */

import { currencyRule, roundToStep } from './currencies';

export interface TaxedPart {
  readonly tax_class: string;
  /** A decimal number. */
  readonly percent: string;
  /** In minor units, tax included. */
  readonly amount: number;
}

export interface TaxLine {
  readonly tax_class: string;
  readonly percent: string;
  readonly amount_gross: number;
  readonly amount: number;
}

/**
 * Return one line for each class and rate, the highest rate first. The tax of all parts is rounded once, then shared
 * over the lines by largest remainder.
 */
export function includedTaxes(parts: readonly TaxedPart[], currency: string): TaxLine[] {
  const groups = new Map<string, { tax_class: string; rate: bigint; gross: bigint }>();
  for (const { tax_class, percent, amount } of parts) {
    const rate = thousandths(percent);
    if (rate === 0n || amount === 0) continue;
    const key = `${rate} ${tax_class}`;
    const gross = (groups.get(key)?.gross ?? 0n) + BigInt(amount);
    groups.set(key, { tax_class, rate, gross });
  }
  const lines = [...groups.values()].sort((one, other) => compare(other.rate, one.rate) || by(one, other));
  const amounts = rounded(
    lines.map(({ gross, rate }) => [gross * rate, 100_000n + rate] as const),
    currency,
  );
  return lines.map(({ tax_class, rate, gross }, index) => ({
    tax_class,
    percent: decimal(rate),
    amount_gross: Number(gross),
    amount: Number(amounts[index]),
  }));
}

/** Round fractions to steps so that they add up to their rounded sum. Of equal remainders the first is rounded up. */
function rounded(fractions: readonly (readonly [bigint, bigint])[], currency: string): bigint[] {
  const step = BigInt(currencyRule(currency).step);
  const bottom = fractions.reduce((product, [, below]) => product * below, 1n);
  const tops = fractions.map(([top, below]) => (top * bottom) / below);
  const whole = roundToStep(
    tops.reduce((sum, top) => sum + top, 0n),
    bottom,
    currency,
  );
  const steps = tops.map((top) => top / (bottom * step));
  const left = tops.map((top, index) => top - (steps[index] ?? 0n) * bottom * step);
  const missing = Number(whole / step - steps.reduce((sum, part) => sum + part, 0n));
  const up = left
    .map((_, index) => index)
    .sort((one, other) => compare(left[other] ?? 0n, left[one] ?? 0n) || one - other);
  for (const index of up.slice(0, missing)) steps[index] = (steps[index] ?? 0n) + 1n;
  return steps.map((part) => part * step);
}

function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function by(one: { readonly tax_class: string }, other: { readonly tax_class: string }): number {
  return one.tax_class < other.tax_class ? -1 : 1;
}

/** Rates have at most three decimals. */
function thousandths(percent: string): bigint {
  const [whole = '0', decimals = ''] = percent.split('.');
  return BigInt(whole + decimals.padEnd(3, '0'));
}

function decimal(rate: bigint): string {
  const digits = String(rate).padStart(4, '0');
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`.replace(/\.?0+$/, '');
}
