/** Subtotal, discount, total and what was refunded, one under the other: for the cart and for a placed order. */

import { useTexts } from '@/texts/language';

interface AmountsProps {
  readonly subtotal: number;
  readonly discount: number;
  readonly total: number;
  readonly currency: string;
  readonly discountCode?: string | undefined;
  /** What was refunded or is being refunded. */
  readonly refunded?: number | undefined;
  /** True while newer amounts are being fetched. */
  readonly busy?: boolean;
  /** False if other amounts cover these: outside scripts expect one total. */
  readonly foremost?: boolean;
}

export function Amounts({
  subtotal,
  discount,
  total,
  currency,
  discountCode,
  refunded = 0,
  busy = false,
  foremost = true,
}: AmountsProps) {
  const { texts, money } = useTexts();
  return (
    <dl className="amounts" aria-busy={busy}>
      {discount > 0 ? (
        <>
          <div className="amounts-row">
            <dt>{texts.amounts.subtotal}</dt>
            <dd>{money(subtotal, currency)}</dd>
          </div>
          <div className="amounts-row">
            <dt>{discountCode ? texts.amounts.discountWith(discountCode) : texts.amounts.discount}</dt>
            <dd data-testid={foremost ? 'discount' : undefined}>−{money(discount, currency)}</dd>
          </div>
        </>
      ) : null}
      <div className="amounts-row amounts-total">
        <dt>{texts.amounts.total}</dt>
        <dd data-testid={foremost ? 'total' : undefined}>{money(total, currency)}</dd>
      </div>
      {refunded > 0 ? (
        <div className="amounts-row">
          <dt>{texts.amounts.refunded}</dt>
          <dd data-testid="refunded">−{money(refunded, currency)}</dd>
        </div>
      ) : null}
    </dl>
  );
}

/** A placeholder while there is no total: nothing is priced yet, or the cart cannot be bought as it is. */
export function NoTotal() {
  const { texts } = useTexts();
  return (
    <dl className="amounts">
      <div className="amounts-row amounts-total">
        <dt>{texts.amounts.total}</dt>
        <dd data-testid="total">–</dd>
      </div>
    </dl>
  );
}
