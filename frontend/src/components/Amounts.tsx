/** Subtotal, discount, total and what was refunded, one under the other: for the cart and for a placed order. */

import type { Tax } from '@/lib/api';
import { shop } from '@/lib/shop';
import { useTexts } from '@/texts/language';

interface AmountsProps {
  readonly subtotal?: number;
  readonly discount?: number;
  /** Undefined before anything is priced, and if the cart cannot be bought. */
  readonly total?: number;
  readonly currency?: string;
  readonly discountCode?: string | undefined;
  /** What shipping costs, as part of the total. */
  readonly shipping?: number | undefined;
  readonly shippingLabel?: string | undefined;
  /** What the total includes, by rate. */
  readonly taxes?: readonly Tax[] | undefined;
  /** What was refunded or is being refunded. */
  readonly refunded?: number | undefined;
  /** True while newer amounts are being fetched. */
  readonly busy?: boolean;
}

export function Amounts({
  subtotal = 0,
  discount = 0,
  total,
  currency = '',
  discountCode,
  shipping,
  shippingLabel,
  taxes = [],
  refunded = 0,
  busy = false,
}: AmountsProps) {
  const { language, locale, texts, words, money, say } = useTexts();
  const { amounts } = texts;
  const less = (amount: number) => `−${money(amount, currency)}`;
  return (
    <>
      <dl className="amounts" aria-busy={busy}>
        {discount > 0 || shipping !== undefined ? (
          <Row label={amounts.subtotal} amount={money(subtotal, currency)} />
        ) : null}
        {discount > 0 ? (
          <Row
            label={discountCode ? say(amounts.discountWith, { code: discountCode }) : amounts.discount}
            amount={less(discount)}
            testId="discount"
          />
        ) : null}
        {shipping !== undefined ? (
          <Row
            label={shippingLabel ? `${amounts.shipping}: ${shippingLabel}` : amounts.shipping}
            amount={shipping > 0 ? money(shipping, currency) : texts.shipping.free}
            testId="shipping"
          />
        ) : null}
        <Row label={amounts.total} amount={total === undefined ? '–' : money(total, currency)} testId="total" main />
        {refunded > 0 ? <Row label={amounts.refunded} amount={less(refunded)} testId="refunded" /> : null}
      </dl>
      {taxes.map((tax) => (
        <p key={tax.tax_class + tax.percent} className="tax-note" data-testid="tax">
          {say(amounts.includes, {
            amount: money(tax.amount, currency),
            label: shop.tax_labels?.[language] ?? '',
            percent: Number(tax.percent).toLocaleString(locale),
          })}
        </p>
      ))}
      {words.tax_note ? <p className="tax-note">{words.tax_note}</p> : null}
    </>
  );
}

interface RowProps {
  readonly label: string;
  readonly amount: string;
  readonly testId?: string | undefined;
  readonly main?: boolean;
}

function Row({ label, amount, testId, main = false }: RowProps) {
  return (
    <div className={main ? 'amounts-row amounts-total' : 'amounts-row'}>
      <dt>{label}</dt>
      <dd data-testid={testId}>{amount}</dd>
    </div>
  );
}
