/** Amounts as text, with Stripe's digits: Intl has others for a dozen currencies. */

import { currencyRule, decimalText } from './pricing/currencies';

const formats = new Map<string, Intl.NumberFormat>();

/** `amount` in minor units, as the shopper's locale writes it: formatMoney(1234, 'eur') is €12.34. */
export function formatMoney(amount: number, currency: string, locale?: string): string {
  // As text, which Intl reads exactly; browsers before 2023 make a number of it, as good as ever.
  return formatOf(currency, locale).format(decimalText(amount, currency) as Intl.StringNumericLiteral);
}

/** Kept: making one takes far longer than using it, and a page that is typed into shows many amounts. */
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
