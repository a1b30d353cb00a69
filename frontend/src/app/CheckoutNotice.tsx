/** What keeps the shopper from the payment page, and what to do about it. */

import type { PlacedOrder } from '@/features/checkout/placeOrder';
import type { LaterReason } from '@/lib/explain';
import type { Fault } from '@/lib/faults';
import { faultText } from '@/texts/faultText';
import { useTexts } from '@/texts/language';
import { orderPage } from './route';

export type Notice =
  /** The order was refused for this reason: ask the shopper. */
  | { readonly kind: 'price_changed'; readonly before: number; readonly after: number; readonly currency: string }
  /** The daemon's total differs from the one shown before it answered. */
  | { readonly kind: 'corrected'; readonly before: number; readonly after: number; readonly currency: string }
  | { readonly kind: 'try_again'; readonly reason: LaterReason }
  /** The same items were ordered before: ask the shopper. */
  | { readonly kind: 'placed'; readonly order: PlacedOrder | undefined }
  | { readonly kind: 'refused'; readonly reason: 'notPayable' | 'rejected' }
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] };

interface CheckoutNoticeProps {
  readonly notice: Notice | undefined;
  readonly onRetry: () => void;
  /** The shopper confirms that the same items are to be ordered again. */
  readonly onInsist: () => void;
}

export function CheckoutNotice({ notice, onRetry, onInsist }: CheckoutNoticeProps) {
  const { texts, money } = useTexts();
  switch (notice?.kind) {
    case undefined:
      return null;
    case 'price_changed':
    case 'corrected': {
      const { kind, before, after, currency } = notice;
      return (
        <div className="notice" role="alert">
          <p>
            {texts.checkout.priceChanged(money(before, currency), money(after, currency))}
            {kind === 'price_changed' ? ` ${texts.checkout.confirmPrice}` : null}
          </p>
        </div>
      );
    }
    case 'try_again':
      return (
        <div className="notice notice-bad" role="alert">
          <p>{texts.later[notice.reason]}</p>
          <button type="button" className="button button-quiet" onClick={onRetry}>
            {texts.checkout.tryAgain}
          </button>
        </div>
      );
    case 'placed':
      return (
        <div className="notice" role="alert">
          <p>
            {notice.order ? texts.checkout.placedOwn(notice.order.number) : texts.checkout.placedSame}{' '}
            {notice.order ? <a href={orderPage(notice.order.id)}>{texts.order.see(notice.order.number)}</a> : null}
          </p>
          <button type="button" className="button button-quiet" onClick={onInsist}>
            {texts.checkout.insist}
          </button>
        </div>
      );
    case 'refused':
      return (
        <p className="notice notice-bad" role="alert">
          {texts.checkout[notice.reason]}
        </p>
      );
    case 'faults':
      return (
        <p className="notice notice-bad" role="alert">
          {notice.faults.map((fault) => faultText(texts, fault)).join(' ')}
        </p>
      );
  }
}
