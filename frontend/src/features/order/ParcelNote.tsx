/** When and how the order was sent, and where to follow it, as far as the shop has stated it. */

import type { Order } from '@/lib/api';
import { useTexts } from '@/texts/language';
import { formatDay } from './day';

export function ParcelNote({ order }: { readonly order: Order }) {
  const { texts, say, locale } = useTexts();
  const date = formatDay(order.shipped_at, locale);
  if (!date) return null;
  const { carrier, tracking_number, tracking_url } = order.parcel ?? {};
  return (
    <div className="parcel" data-testid="parcel">
      <p>{carrier ? say(texts.order.sentWith, { date, carrier }) : say(texts.order.sentOn, { date })}</p>
      {tracking_number ? <p>{say(texts.order.tracking, { number: tracking_number })}</p> : null}
      {tracking_url ? (
        <p>
          <a href={tracking_url} rel="noreferrer">
            {texts.order.track}
          </a>
        </p>
      ) : null}
    </div>
  );
}
