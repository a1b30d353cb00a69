/** What keeps the shopper from the payment page, and what to do about it. */

import { Notice } from '@/components/Notice';
import type { OpenOrder } from '@/features/checkout/orders';
import type { PlacedOrder } from '@/features/checkout/placeOrder';
import type { Later } from '@/lib/explain';
import type { Fault } from '@/lib/faults';
import { shop } from '@/lib/shop';
import { faultText } from '@/texts/faultText';
import { type Reading, useTexts } from '@/texts/language';
import { laterText } from '@/texts/laterText';
import { orderPage } from './route';

export type CheckoutNews =
  /** The order was refused for this reason: ask the shopper. */
  | { readonly kind: 'price_changed'; readonly before: number; readonly after: number; readonly currency: string }
  /** The daemon's total differs from the one shown before it answered. */
  | { readonly kind: 'corrected'; readonly before: number; readonly after: number; readonly currency: string }
  | ({ readonly kind: 'try_again' } & Later)
  /** The same items were ordered before: ask the shopper. */
  | { readonly kind: 'placed'; readonly order: PlacedOrder | undefined }
  /** The shopper's own unpaid order has reserved these items: Checkout leads to its payment. */
  | { readonly kind: 'unpaid'; readonly order: OpenOrder }
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
          {laterText(reading, notice)}
        </Notice>
      );
    case 'placed':
      return (
        <Notice action={texts.checkout.insist} onAction={onInsist}>
          {notice.order ? say(texts.checkout.placedOwn, { number: notice.order.number }) : texts.checkout.placedSame}{' '}
          {notice.order ? <OrderLink order={notice.order} /> : null}
        </Notice>
      );
    case 'unpaid': {
      const { number, total } = notice.order;
      return (
        <Notice>
          {say(texts.checkout.unpaidOwn, { number, total: money(total, shop.currency) })}{' '}
          <OrderLink order={notice.order} />
        </Notice>
      );
    }
    case 'refused':
      return <Notice bad>{texts.checkout[notice.reason]}</Notice>;
    case 'faults':
      return <Notice bad>{notice.faults.map((fault) => faultLine(reading, fault)).join(' ')}</Notice>;
  }
}

/** Return a fault's text, after the name of its field if the page does not show that. */
function faultLine(reading: Reading, fault: Fault): string {
  const text = faultText(reading, fault);
  return fault.field ? `${reading.texts.fields[fault.field]}: ${text}` : text;
}

function OrderLink({ order: { id, number } }: { readonly order: PlacedOrder }) {
  const { texts, say } = useTexts();
  return <a href={orderPage(id)}>{say(texts.order.see, { number })}</a>;
}
