/** What keeps the shopper from the payment page, and what to do about it. */

import { Notice } from '@/components/Notice';
import type { PlacedOrder } from '@/features/checkout/placeOrder';
import type { LaterReason } from '@/lib/explain';
import type { Fault } from '@/lib/faults';
import { faultText } from '@/texts/faultText';
import { useTexts } from '@/texts/language';
import { orderPage } from './route';

export type CheckoutNews =
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
  readonly notice: CheckoutNews | undefined;
  readonly onRetry: () => void;
  /** The shopper confirms that the same items are to be ordered again. */
  readonly onInsist: () => void;
}

export function CheckoutNotice({ notice, onRetry, onInsist }: CheckoutNoticeProps) {
  const reading = useTexts();
  const { texts, money, say } = reading;
  switch (notice?.kind) {
    case undefined:
      return null;
    case 'price_changed':
    case 'corrected': {
      const { kind, before, after, currency } = notice;
      return (
        <Notice>
          {say(texts.checkout.priceChanged, { before: money(before, currency), after: money(after, currency) })}
          {kind === 'price_changed' ? ` ${texts.checkout.confirmPrice}` : null}
        </Notice>
      );
    }
    case 'try_again':
      return (
        <Notice bad action={texts.checkout.tryAgain} onAction={onRetry}>
          {texts.later[notice.reason]}
        </Notice>
      );
    case 'placed':
      return (
        <Notice action={texts.checkout.insist} onAction={onInsist}>
          {notice.order ? say(texts.checkout.placedOwn, { number: notice.order.number }) : texts.checkout.placedSame}{' '}
          {notice.order ? (
            <a href={orderPage(notice.order.id)}>{say(texts.order.see, { number: notice.order.number })}</a>
          ) : null}
        </Notice>
      );
    case 'refused':
      return <Notice bad>{texts.checkout[notice.reason]}</Notice>;
    case 'faults':
      return <Notice bad>{notice.faults.map((fault) => faultText(reading, fault)).join(' ')}</Notice>;
  }
}
