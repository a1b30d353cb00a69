/** The page that the shopper returns to: find the order, follow it, and show its outcome. */

import { useEffect } from 'react';
import type { Order } from '@/lib/api';
import { titleFor } from '@/lib/shop';
import { useTitle } from '@/lib/useTitle';
import type { Texts } from '@/texts/texts';
import { useTexts } from '@/texts/language';
import { KnownOrder } from './KnownOrder';
import { StatusMark } from './StatusMark';
import { type Entrance, headingOf, wordingOf } from './status';
import { type OrderState, useOrder } from './useOrder';

interface OrderPageProps {
  readonly entrance: Entrance;
  /** The session id or order id in the address. */
  readonly reference: string;
  readonly hasCart: boolean;
  /** Called with the order whenever it has been looked up. */
  readonly onOrder: (order: Order) => void;
  readonly goTo: (url: string) => void;
}

export function OrderPage({ entrance, reference, hasCart, onOrder, goTo }: OrderPageProps) {
  const { texts, words } = useTexts();
  const { state, reload } = useOrder(reference);
  const order = state.phase === 'known' ? state.order : undefined;
  useTitle(titleFor(titleOf(state, entrance, texts), words));

  useEffect(() => {
    if (order) onOrder(order);
  }, [order, onOrder]);

  switch (state.phase) {
    case 'unknown':
      return <UnknownOrder />;
    case 'loading':
      return (
        <section className="order order-waiting" aria-busy="true">
          <StatusMark tone="waiting" />
          <div role="status">
            <h1>{entrance === 'success' ? texts.order.processing : texts.order.lookup}</h1>
            <p className="lede">{state.offline ? texts.order.offline : texts.order.lookingUp}</p>
          </div>
        </section>
      );
    case 'known':
      return (
        <KnownOrder
          hasCart={hasCart}
          order={state.order}
          offline={state.offline}
          entrance={entrance}
          onGone={reload}
          goTo={goTo}
        />
      );
  }
}

function UnknownOrder() {
  const { texts } = useTexts();
  return (
    <section className="order order-bad">
      <StatusMark tone="bad" />
      <h1>{texts.order.unknown}</h1>
      <p className="lede">{texts.order.unknownText}</p>
      <div className="order-actions">
        <a className="button" href="/">
          {texts.shop.back}
        </a>
      </div>
    </section>
  );
}

function titleOf(state: OrderState, entrance: Entrance, texts: Texts): string {
  if (state.phase === 'known') return headingOf(wordingOf(state.order, entrance).tone, texts);
  return state.phase === 'unknown' ? texts.order.unknown : texts.order.summary;
}
