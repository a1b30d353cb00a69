/** Subtotal, discount and total, one under the other: for the cart and for a placed order. */

import { useTexts } from '@/texts/language';

interface AmountsProps {
  readonly subtotal: number;
  readonly discount: number;
  readonly total: number;
  readonly currency: string;
  readonly discountCode?: string | undefined;
  /** True while newer amounts are on their way. */
  readonly busy?: boolean;
}

export function Amounts({ subtotal, discount, total, currency, discountCode, busy = false }: AmountsProps) {
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
            <dd data-testid="discount">−{money(discount, currency)}</dd>
          </div>
        </>
      ) : null}
      <div className="amounts-row amounts-total">
        <dt>{texts.amounts.total}</dt>
        <dd data-testid="total">{money(total, currency)}</dd>
      </div>
    </dl>
  );
}
