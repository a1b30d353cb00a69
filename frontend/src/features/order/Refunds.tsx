/** Each refund of the order: its day, its amount, and whether it has arrived. */

import type { Order } from '@/lib/api';
import { useTexts } from '@/texts/language';
import { formatDay } from './day';

export function Refunds({ order }: { readonly order: Order }) {
  const { texts, money, locale } = useTexts();
  const refunds = order.refunds ?? [];
  if (refunds.length === 0) return null;
  const words = texts.order.refundStatus;
  return (
    <>
      <h3>{texts.order.refunds}</h3>
      <ul className="refunds">
        {refunds.map((refund, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: refunds are only ever added, at the end.
          <li key={place} data-testid="refund">
            <span>{formatDay(refund.created_at, locale)}</span>
            <span className="refund-status">{words[refund.status]}</span>
            <span>{money(refund.amount, refund.currency)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
