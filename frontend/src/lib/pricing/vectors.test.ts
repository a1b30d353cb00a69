/** Test cases shared with the daemon: tests/vectors/pricing.json and tests/vectors/currencies.json. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatMoney } from '@/lib/money';
import { currencyRule, decimalText, maximumAmount, minimumAmount, roundToStep } from './currencies';
import type { DiscountTerms } from './discount';
import { type CartPrice, priceCart } from './priceCart';

interface Case {
  readonly name: string;
  readonly currency: string;
  readonly now: string;
  readonly products: readonly { sku: string; unit_amount: number; currency?: string; available?: boolean }[];
  readonly items: readonly { sku: string; quantity: number }[];
  readonly discount: DiscountTerms | null;
  readonly shipped?: boolean;
  /** The cases also have lines, which only the daemon computes. */
  readonly quote?: CartPrice & { readonly lines: unknown };
  readonly errors?: readonly { pointer: string; code: string }[];
}

interface CurrencyCase {
  readonly currency: string;
  readonly exponent: number;
  readonly step: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Numerator, denominator and the rounded result. */
  readonly rounded: readonly (readonly [string, string, string])[];
  /** Minor units and the same amount in major units. */
  readonly decimals: readonly (readonly [number, string])[];
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(`../tests/vectors/${name}.json`, 'utf8')) as T;
}

function outcome({ currency, now, products, items, discount, shipped }: Case) {
  const known = products.map((product) => ({ currency, available: true, ...product }));
  const { price, faults } = priceCart(items, {
    products: new Map(known.map((product) => [product.sku, product])),
    discount: discount ?? undefined,
    currency,
    now: Date.parse(now),
    shipped,
  });
  return price ? { quote: price } : { errors: faults };
}

function expected({ quote, errors }: Case) {
  if (!quote) return { errors };
  const { lines: _, ...price } = quote;
  return { quote: price };
}

describe('pricing', () => {
  const { cases, generated } = read<{ cases: Case[]; generated: Case[] }>('pricing');

  test.each(cases.map((example) => [example.name, example] as const))('%s', (_, example) => {
    expect(outcome(example)).toEqual(expected(example));
  });

  test('every generated cart costs the same here and at the daemon', () => {
    expect(generated.length).toBeGreaterThan(300);
    expect(generated.map((example) => [example.name, outcome(example)])).toEqual(
      generated.map((example) => [example.name, expected(example)]),
    );
  });
});

describe('currencies', () => {
  const { currencies } = read<{ currencies: CurrencyCase[] }>('currencies');

  test.each(currencies.map((example) => [example.currency, example] as const))('%s', (currency, wanted) => {
    const found: CurrencyCase = {
      currency,
      ...currencyRule(currency),
      minimum: minimumAmount(currency),
      maximum: maximumAmount(currency),
      rounded: wanted.rounded.map(([top, bottom]) => [
        top,
        bottom,
        String(roundToStep(BigInt(top), BigInt(bottom), currency)),
      ]),
      decimals: wanted.decimals.map(([amount]) => [amount, decimalText(amount, currency)]),
    };
    expect(found).toEqual(wanted);
    expect(wanted.decimals.map(([amount]) => formatMoney(amount, currency, 'en').replace(/[^0-9.]/g, ''))).toEqual(
      wanted.decimals.map(([, text]) => text),
    );
  });
});
