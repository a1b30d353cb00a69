/** The cart and the checkout in one view: items, discount code, name, email, phone, total, Checkout. */

import { useEffect, useRef } from 'react';
import { Amounts } from '@/components/Amounts';
import { isBehind } from '@/features/cart/behind';
import { CartLines } from '@/features/cart/CartLines';
import { type Cart, cartStore, setQuantity } from '@/features/cart/cart';
import { DiscountForm } from '@/features/cart/DiscountForm';
import type { SeenProducts } from '@/features/cart/seen';
import { ContactForm } from '@/features/checkout/ContactForm';
import { ShippingForm } from '@/features/shipping/ShippingForm';
import type { Product, Quote } from '@/lib/api';
import { shop } from '@/lib/shop';
import { useTexts } from '@/texts/language';
import { CheckoutNotice } from './CheckoutNotice';
import { SubmitBar } from './SubmitBar';
import { useCheckout } from './useCheckout';

const FORM_ID = 'checkout-form';

interface FilledCartProps {
  readonly cart: Cart;
  readonly products: ReadonlyMap<string, Product>;
  readonly seen: SeenProducts;
  readonly lookUp: () => Promise<boolean>;
  /** The catalog is older than what the daemon quoted. */
  readonly onBehind: () => void;
  readonly onRemove: (sku: string) => void;
  readonly goTo: (url: string) => void;
}

export function FilledCart({ cart, products, seen, lookUp, onBehind, onRemove, goTo }: FilledCartProps) {
  const panel = useRef<HTMLDivElement>(null);
  const { texts, money } = useTexts();
  const checkout = useCheckout(cart, products, lookUp, goTo);
  const { pricing, stale, totals, contact, errors, refusal, notice, sending } = checkout;

  useEffect(() => {
    if (!refusal) return;
    const first = panel.current?.querySelector<HTMLElement>('[aria-invalid]');
    if (first === document.activeElement) first?.blur(); // only a new focus has its error read
    first?.focus();
  }, [refusal]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each answer, even if the catalog stays behind.
  useEffect(() => {
    if (pricing && isBehind(products, cart.items, pricing, checkout.lineFaults)) onBehind();
  }, [pricing, refusal]);

  /** Focus a refused quantity first: nobody should pay for a quantity other than the one typed. */
  function submit() {
    const refused = panel.current?.querySelector<HTMLElement>('[data-refused]');
    if (refused) refused.focus();
    else checkout.submit();
  }

  const quote = pricing?.quote;
  const accepted =
    totals?.code && cart.code && !errors.discount
      ? { code: totals.code, amount: money(totals.amount_discount, totals.currency) }
      : undefined;
  const currency = totals?.currency ?? products.values().next().value?.currency;

  return (
    <div className="cart" ref={panel}>
      <div className="cart-scroll">
        <CartLines
          items={cart.items}
          products={products}
          priced={quote?.items ?? []}
          currency={currency}
          seen={seen}
          faults={stale ? {} : checkout.lineFaults}
          onQuantity={(sku, quantity) => cartStore.update((current) => setQuantity(current, sku, quantity))}
          onRemove={onRemove}
        />
        <DiscountForm
          applied={cart.code}
          accepted={accepted}
          error={errors.discount}
          onDraft={checkout.changeCode}
          onApply={checkout.applyCode}
        />
        <section className="details">
          <h3>{texts.checkout.details}</h3>
          <ContactForm
            id={FORM_ID}
            errors={errors}
            left={contact.left}
            onChange={contact.change}
            onLeave={contact.leave}
            onSubmit={submit}
          />
        </section>
        {shop.shipping ? (
          <ShippingForm form={FORM_ID} quote={quote} stale={stale} errors={errors} onChange={contact.clear} />
        ) : null}
      </div>
      <div className="cart-foot">
        <CheckoutNotice notice={notice} onRetry={checkout.retry} onInsist={checkout.insist} />
        {totals ? (
          <Amounts
            subtotal={totals.amount_subtotal}
            discount={totals.amount_discount}
            total={totals.amount_total}
            currency={totals.currency}
            discountCode={totals.code}
            shipping={totals.amount_shipping}
            taxes={totals.taxes}
            busy={stale}
          />
        ) : (
          <Amounts />
        )}
        <SubmitBar form={FORM_ID} sending={sending} free={totals?.amount_total === 0} />
        <TotalAnnouncement quote={stale ? undefined : quote} />
      </div>
    </div>
  );
}

/** Announce to screen readers what the cart costs now. */
function TotalAnnouncement({ quote }: { readonly quote: Quote | undefined }) {
  const { texts, money, say } = useTexts();
  const discount = quote?.discount;
  return (
    <p className="visually-hidden" role="status">
      {quote && discount
        ? `${say(texts.cart.applied, { code: discount.code, amount: money(quote.amount_discount, quote.currency) })} `
        : null}
      {quote ? say(texts.amounts.totalIs, { total: money(quote.amount_total, quote.currency) }) : null}
    </p>
  );
}
