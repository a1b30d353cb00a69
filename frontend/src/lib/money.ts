/** Format amounts with Stripe's number of decimals: Intl uses others for a dozen currencies. */

import { currencyRule, decimalText } from './pricing/currencies';

const formats = new Map<string, Intl.NumberFormat>();

/** Format an amount in minor units for the shopper's locale: formatMoney(1234, 'eur') is €12.34. */
export function formatMoney(amount: number, currency: string, locale?: string): string {
  // As text, which Intl reads exactly; browsers before 2023 convert it to a number, which is good enough.
  return formatOf(currency, locale).format(decimalText(amount, currency) as Intl.StringNumericLiteral);
}

/** Cached, because creating a formatter takes far longer than using it. */
function formatOf(currency: string, locale: string | undefined): Intl.NumberFormat {
  const key = `${currency} ${locale}`;
  const held = formats.get(key);
  if (held) return held;
  const { exponent } = currencyRule(currency);
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  });
  formats.set(key, format);
  return format;
}
