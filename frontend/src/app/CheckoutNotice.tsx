/** What stands between the shopper and the payment page, and what to do about it. */

import { formatMoney } from '@/lib/money';

export type Notice =
  | { readonly kind: 'price_changed'; readonly before: number; readonly after: number; readonly currency: string }
  | { readonly kind: 'try_again'; readonly text: string }
  | { readonly kind: 'refused'; readonly text: string };

interface CheckoutNoticeProps {
  readonly notice: Notice | undefined;
  readonly onRetry: () => void;
}

export function CheckoutNotice({ notice, onRetry }: CheckoutNoticeProps) {
  if (!notice) return null;
  if (notice.kind === 'price_changed') {
    return (
      <div className="notice" role="alert">
        <p>
          A price changed while you were here: the total was <s>{formatMoney(notice.before, notice.currency)}</s> and is
          now <strong>{formatMoney(notice.after, notice.currency)}</strong>. If that is fine, press Checkout once more.
        </p>
      </div>
    );
  }
  return (
    <div className="notice notice-bad" role="alert">
      <p>{notice.text}</p>
      {notice.kind === 'try_again' ? (
        <button type="button" className="button button-quiet" onClick={onRetry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}
