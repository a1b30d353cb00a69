/** What was ordered and what it costs. */

import { Amounts } from '@/components/Amounts';
import type { Order } from '@/lib/api';
import { useTexts } from '@/texts/language';

export function OrderSummary({ order }: { readonly order: Order }) {
  const { texts, money } = useTexts();
  return (
    <div className="summary">
      <h2>{texts.order.summary}</h2>
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
    </div>
  );
}
