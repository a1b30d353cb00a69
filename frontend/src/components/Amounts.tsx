/** Subtotal, discount and total, one under the other: for the cart and for a placed order. */

import { formatMoney } from '@/lib/money';

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
  return (
    <dl className="amounts" aria-busy={busy}>
      {discount > 0 ? (
        <>
          <div className="amounts-row">
            <dt>Subtotal</dt>
            <dd>{formatMoney(subtotal, currency)}</dd>
          </div>
          <div className="amounts-row">
            <dt>Discount{discountCode ? ` (${discountCode})` : ''}</dt>
            <dd data-testid="discount">−{formatMoney(discount, currency)}</dd>
          </div>
        </>
      ) : null}
      <div className="amounts-row amounts-total">
        <dt>Total</dt>
        <dd data-testid="total">{formatMoney(total, currency)}</dd>
      </div>
    </dl>
  );
}
