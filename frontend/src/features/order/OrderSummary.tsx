/** What was ordered and when, what it costs, and what was refunded; on paper also who sold it. */

import { Amounts } from '@/components/Amounts';
import type { Order } from '@/lib/api';
import { shop } from '@/lib/shop';
import { useTexts } from '@/texts/language';
import { formatDay } from './day';
import { Refunds } from './Refunds';

export function OrderSummary({ order }: { readonly order: Order }) {
  const { texts, money, say, locale } = useTexts();
  const ordered = formatDay(order.created_at, locale);
  const paid = order.amount_total > 0 ? formatDay(order.paid_at, locale) : undefined;
  const dates = [
    ordered && say(texts.order.orderedOn, { date: ordered }),
    paid && say(texts.order.paidOn, { date: paid }),
  ].filter(Boolean);
  return (
    <div className="summary">
      <h2>{texts.order.summary}</h2>
      {dates.length > 0 && <p className="summary-dates">{dates.join(', ')}</p>}
      <ul className="summary-lines">
        {order.items.map((item) => (
          <li key={item.sku}>
            <span className="summary-quantity">{item.quantity} ×</span>
            <span className="summary-name">{item.name}</span>
            <span>{money(item.unit_amount * item.quantity, order.currency)}</span>
          </li>
        ))}
      </ul>
      <Amounts
        subtotal={order.amount_subtotal}
        discount={order.amount_discount}
        discountCode={order.discount_code ?? undefined}
        total={order.amount_total}
        shipping={order.amount_shipping ?? undefined}
        shippingLabel={order.shipping_label ?? undefined}
        taxes={order.taxes}
        refunded={order.amount_refunded}
        currency={order.currency}
      />
      <Refunds order={order} />
      {shop.seller?.length ? (
        <div className="seller">
          <h3>{texts.order.seller}</h3>
          {shop.seller.map((line) => (
            <p key={line}>{line}</p>
          ))}
        </div>
      ) : null}
    </div>
  );
}
