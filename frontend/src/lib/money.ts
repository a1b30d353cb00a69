/** Amounts as text. Digits come from the table shared with the daemon: Intl disagrees with Stripe for a dozen currencies. */

import table from '../../../checkout_daemon/domain/currencies.json';

interface CurrencyRule {
  /** Decimals of the major unit: 12.34 EUR is 1234 with exponent 2. */
  readonly exponent: number;
  /** Amounts are multiples of this many minor units. */
  readonly step: number;
}

const currencies: Readonly<Record<string, CurrencyRule>> = table.currencies;

export function currencyRule(currency: string): CurrencyRule {
  return currencies[currency.toLowerCase()] ?? table.default;
}

/** `amount` in minor units, as the shopper's locale writes it: formatMoney(1234, 'eur') is €12.34. */
export function formatMoney(amount: number, currency: string, locale?: string): string {
  const { exponent } = currencyRule(currency);
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  });
  return format.format(amount / 10 ** exponent);
}
