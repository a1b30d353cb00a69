/** Where the shopper comes back to: what became of the order, and the way on from there. */

import { useEffect } from 'react';
import type { Order } from '@/lib/api';
import { OrderSummary } from './OrderSummary';
import { type Entrance, isPaid, wordingOf } from './status';
import { useOrder } from './useOrder';
import { useRetry } from './useRetry';

interface OrderPageProps {
  readonly entrance: Entrance;
  /** Session id or order id, as the address has it. */
  readonly reference: string;
  readonly onPaid: (order: Order) => void;
  readonly onRetried: (number: number) => void;
  readonly goTo: (url: string) => void;
}

export function OrderPage({ entrance, reference, onPaid, onRetried, goTo }: OrderPageProps) {
  const { state, reload } = useOrder(reference);
  const order = state.phase === 'known' ? state.order : undefined;

  useEffect(() => {
    if (order && isPaid(order.status)) onPaid(order);
  }, [order, onPaid]);

  useEffect(() => {
    document.title = `${titleOf(state.phase, order, entrance)} – Folio`;
  }, [state.phase, order, entrance]);

  if (state.phase === 'unknown') return <UnknownOrder />;
  if (state.phase === 'loading') {
    return (
      <section className="order" aria-busy="true">
        <div role="status">
          <h1>{entrance === 'success' ? 'Payment processing' : 'One moment'}</h1>
          <p className="lede">
            {state.offline ? 'The shop cannot be reached. We keep trying.' : 'Looking up your order.'}
          </p>
        </div>
      </section>
    );
  }
  return (
    <KnownOrder
      order={state.order}
      offline={state.offline}
      entrance={entrance}
      reload={reload}
      onRetried={onRetried}
      goTo={goTo}
    />
  );
}

interface KnownOrderProps {
  readonly order: Order;
  readonly offline: boolean;
  readonly entrance: Entrance;
  readonly reload: () => void;
  readonly onRetried: (number: number) => void;
  readonly goTo: (url: string) => void;
}

function KnownOrder({ order, offline, entrance, reload, onRetried, goTo }: KnownOrderProps) {
  const { heading, text, tone } = wordingOf(order.status, entrance);
  const { retrying, problem, retry } = useRetry({ onRetried, onGone: reload, goTo });
  const retryUrl = tone === 'bad' ? order.retry_url : undefined;
  return (
    <section className={`order order-${tone}`}>
      <div role="status">
        <p className="order-number">Order {order.number}</p>
        <h1>{heading}</h1>
        <p className="lede">{text}</p>
      </div>
      {offline ? <p className="notice">The shop cannot be reached. We keep trying.</p> : null}
      {problem ? (
        <p className="notice notice-bad" role="alert">
          {problem}
        </p>
      ) : null}
      <div className="order-actions">
        {retryUrl ? (
          <button type="button" className="button" aria-disabled={retrying} onClick={() => retry(retryUrl)}>
            Try again
          </button>
        ) : null}
        <a className={retryUrl ? 'button button-quiet' : 'button'} href="/">
          Back to the shop
        </a>
      </div>
      <OrderSummary order={order} />
    </section>
  );
}

function UnknownOrder() {
  return (
    <section className="order order-bad">
      <h1>We do not know this order</h1>
      <p className="lede">
        The address may be incomplete, or the order was removed. If you have paid, the payment is safe with the payment
        service: please contact us with the receipt.
      </p>
      <div className="order-actions">
        <a className="button" href="/">
          Back to the shop
        </a>
      </div>
    </section>
  );
}

function titleOf(phase: string, order: Order | undefined, entrance: Entrance): string {
  if (order) return wordingOf(order.status, entrance).heading;
  return phase === 'unknown' ? 'Unknown order' : 'Your order';
}
