/** The cart and the checkout in one view: items, discount code, name, email, phone, total, Checkout. */

import { useEffect, useRef } from 'react';
import { Amounts } from '@/components/Amounts';
import { Drawer } from '@/components/Drawer';
import { CartLines } from '@/features/cart/CartLines';
import { type Cart, cartStore, catalogSubtotal, removeItem, setQuantity } from '@/features/cart/cart';
import { DiscountForm } from '@/features/cart/DiscountForm';
import { ContactForm } from '@/features/checkout/ContactForm';
import type { Product } from '@/lib/api';
import { useTexts } from '@/texts/language';
import { CheckoutNotice } from './CheckoutNotice';
import { useCheckout } from './useCheckout';

const FORM_ID = 'checkout-form';

interface CartDrawerProps {
  readonly open: boolean;
  readonly cart: Cart;
  readonly products: ReadonlyMap<string, Product>;
  readonly onClose: () => void;
  readonly goTo: (url: string) => void;
}

export function CartDrawer({ open, cart, products, onClose, goTo }: CartDrawerProps) {
  const { texts } = useTexts();
  return (
    <Drawer open={open} title={texts.cart.heading} onClose={onClose}>
      {cart.items.length === 0 ? (
        <div className="empty-cart">
          <p>{texts.cart.empty}</p>
          <button type="button" className="button button-quiet" onClick={onClose}>
            {texts.cart.lookAround}
          </button>
        </div>
      ) : open ? (
        <FilledCart cart={cart} products={products} goTo={goTo} />
      ) : null}
    </Drawer>
  );
}

interface FilledCartProps {
  readonly cart: Cart;
  readonly products: ReadonlyMap<string, Product>;
  readonly goTo: (url: string) => void;
}

function FilledCart({ cart, products, goTo }: FilledCartProps) {
  const { texts } = useTexts();
  const panel = useRef<HTMLDivElement>(null);
  const checkout = useCheckout(cart, goTo);
  const { pricing, stale, contact, errors, faultyField, notice, sending } = checkout;

  useEffect(() => {
    if (faultyField) panel.current?.querySelector<HTMLElement>(`#${faultyField.id}`)?.focus();
  }, [faultyField]);

  const quote = pricing?.quote;
  // While a quote is on its way the catalog's prices tell the same sum at once, unless a discount is in play.
  const quick = stale && !cart.code ? catalogSubtotal(cart, products) : undefined;
  const currency = quote?.currency ?? products.values().next().value?.currency;
  const total = quick ?? quote?.amount_total;

  return (
    <div className="cart" ref={panel}>
      <div className="cart-scroll">
        <CartLines
          items={cart.items}
          products={products}
          priced={quote?.items ?? []}
          currency={currency}
          faults={stale ? {} : checkout.lineFaults}
          onQuantity={(sku, quantity) => cartStore.set(setQuantity(cartStore.get(), sku, quantity))}
          onRemove={(sku) => cartStore.set(removeItem(cartStore.get(), sku))}
        />
        <DiscountForm
          draft={checkout.code}
          error={errors.discount}
          onDraft={checkout.changeCode}
          onApply={checkout.applyCode}
        />
        <ContactForm
          id={FORM_ID}
          contact={contact.contact}
          errors={errors}
          onChange={contact.change}
          onLeave={contact.leave}
          onSubmit={checkout.submit}
        />
      </div>
      <div className="cart-foot">
        <CheckoutNotice notice={notice} onRetry={checkout.retry} />
        {total !== undefined && currency !== undefined ? (
          <Amounts
            subtotal={quick ?? quote?.amount_subtotal ?? total}
            discount={quick === undefined ? (quote?.amount_discount ?? 0) : 0}
            total={total}
            currency={currency}
            discountCode={quote?.discount?.code}
            busy={stale}
          />
        ) : null}
        <button type="submit" form={FORM_ID} className="button button-wide" aria-disabled={sending}>
          {texts.checkout.submit}
        </button>
        <p className="fine-print">{texts.checkout.finePrint}</p>
      </div>
    </div>
  );
}
