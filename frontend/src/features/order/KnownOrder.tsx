/** A known order: what happened, what happens next, what was ordered, and what to do now. */

import { keepFocus } from '@/components/keepFocus';
import { Notice } from '@/components/Notice';
import type { Order } from '@/lib/api';
import { useTexts } from '@/texts/language';
import { laterText } from '@/texts/laterText';
import { OrderSummary } from './OrderSummary';
import { ParcelNote } from './ParcelNote';
import { StatusMark } from './StatusMark';
import { type Entrance, headingOf, wordingOf } from './status';
import { useRetry } from './useRetry';

interface KnownOrderProps {
  readonly order: Order;
  /** The shop does not answer, so what is shown may be out of date. */
  readonly offline: boolean;
  readonly entrance: Entrance;
  /** There is something in this browser's cart. The page may be open in another one. */
  readonly hasCart: boolean;
  readonly onGone: () => void;
  readonly goTo: (url: string) => void;
}

export function KnownOrder({ order, offline, entrance, hasCart, onGone, goTo }: KnownOrderProps) {
  const reading = useTexts();
  const { texts, say } = reading;
  const { retrying, problem, retry } = useRetry({ onGone, goTo });
  const { tone, text } = wordingOf(order, entrance);
  const retryUrl = tone === 'bad' ? order.retry_url : undefined;
  return (
    <section className={`order order-${order.status === 'pending' && tone === 'waiting' ? 'confirming' : tone}`}>
      <StatusMark tone={tone} />
      <div role="status">
        <p className="order-number">{say(texts.order.number, { number: order.number })}</p>
        <h1>{headingOf(tone, texts)}</h1>
        <p className="lede">
          {texts.order[text]}
          {hasCart && CART_KEPT.includes(text) ? ` ${texts.order.cartUnchanged}` : null}
        </p>
      </div>
      {offline ? <Notice role="status">{texts.order.offline}</Notice> : null}
      {problem ? (
        <Notice bad>{typeof problem === 'string' ? texts.order[problem] : laterText(reading, problem)}</Notice>
      ) : null}
      <div className="order-actions">
        {retryUrl ? (
          <button
            ref={keepFocus}
            type="button"
            className="button"
            aria-disabled={retrying}
            onClick={() => retry(retryUrl)}
          >
            {texts.checkout.tryAgain}
          </button>
        ) : null}
        <a className={retryUrl ? 'button button-quiet' : 'button'} href="/">
          {texts.shop.back}
        </a>
        {tone === 'good' ? (
          <button type="button" className="button button-quiet" onClick={() => window.print()}>
            {texts.order.print}
          </button>
        ) : null}
      </div>
      <ParcelNote order={order} />
      <OrderSummary order={order} />
      <NextSteps
        status={order.status}
        sent={order.shipped_at !== undefined}
        unpaid={retryUrl !== undefined}
        hasCart={hasCart}
      />
    </section>
  );
}

/** Texts of orders that took nothing out of the cart. One that failed may have given its items back. */
const CART_KEPT: readonly string[] = ['left', 'expired'];

interface NextStepsProps {
  readonly status: Order['status'];
  /** The goods are on their way: what the shop states about sending them is done. */
  readonly sent: boolean;
  /** And can still be paid. */
  readonly unpaid: boolean;
  readonly hasCart: boolean;
}

function NextSteps({ status, sent, unpaid, hasCart }: NextStepsProps) {
  const { texts, words } = useTexts();
  const { order } = texts;
  if (unpaid)
    return (
      <Steps title={order.choices} steps={hasCart ? [...order.choicesUnpaid, order.choiceCart] : order.choicesUnpaid} />
    );
  if (status === 'completed')
    return <Steps title={order.next} steps={[...((!sent && words.after_payment) || []), ...order.nextPaid]} />;
  if (status === 'processing') return <Steps title={order.next} steps={order.nextProcessing} />;
  return null;
}

interface StepsProps {
  readonly title: string;
  readonly steps: readonly string[];
}

function Steps({ title, steps }: StepsProps) {
  return (
    <div className="next">
      <h2>{title}</h2>
      <ul>
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ul>
    </div>
  );
}
