/** Amounts as text, with Stripe's digits: Intl has others for a dozen currencies. */

import { currencyRule, decimalText } from './pricing/currencies';

/** `amount` in minor units, as the shopper's locale writes it: formatMoney(1234, 'eur') is €12.34. */
export function formatMoney(amount: number, currency: string, locale?: string): string {
  const { exponent } = currencyRule(currency);
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  });
  // As text, which Intl reads exactly; browsers before 2023 make a number of it, as good as ever.
  return format.format(decimalText(amount, currency) as Intl.StringNumericLiteral);
}
