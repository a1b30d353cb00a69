/** The items in the cart: picture, quantity, amount, remove. */

import { useState } from 'react';
import { Icon } from '@/components/Icon';
import { ProductPicture } from '@/components/ProductPicture';
import type { CartItem, PricedItem, Product } from '@/lib/api';
import type { Fault } from '@/lib/faults';
import { MAXIMUM_QUANTITY } from '@/lib/pricing/lines';
import { faultText } from '@/texts/faultText';
import { useTexts } from '@/texts/language';
import { QuantityInput } from './QuantityInput';
import type { SeenProduct, SeenProducts } from './seen';

interface CartLinesProps {
  readonly items: readonly CartItem[];
  readonly products: ReadonlyMap<string, Product>;
  /** From the newest quote, which is newer than the catalog's prices. */
  readonly priced: readonly PricedItem[];
  readonly currency: string | undefined;
  /** As they were when they were added. */
  readonly seen: SeenProducts;
  /** Why lines cannot be bought, by index. */
  readonly faults: Readonly<Record<number, Fault>>;
  readonly onQuantity: (sku: string, quantity: number) => void;
  readonly onRemove: (sku: string) => void;
}

export function CartLines({ items, products, priced, currency, seen, faults, onQuantity, onRemove }: CartLinesProps) {
  const { texts } = useTexts();
  return (
    <ul className="lines" aria-label={texts.cart.items}>
      {items.map((item, index) => (
        <CartLine
          key={item.sku}
          item={item}
          product={products.get(item.sku)}
          priced={priced.find(({ sku }) => sku === item.sku)}
          currency={currency}
          seen={seen[item.sku]}
          fault={faults[index]}
          onQuantity={onQuantity}
          onRemove={onRemove}
        />
      ))}
    </ul>
  );
}

interface CartLineProps {
  readonly item: CartItem;
  readonly product: Product | undefined;
  readonly priced: PricedItem | undefined;
  readonly currency: string | undefined;
  readonly seen: SeenProduct | undefined;
  readonly fault: Fault | undefined;
  readonly onQuantity: (sku: string, quantity: number) => void;
  readonly onRemove: (sku: string) => void;
}

function CartLine({ item, product, priced, currency, seen, fault, onQuantity, onRemove }: CartLineProps) {
  const reading = useTexts();
  const { texts, money, say } = reading;
  const title = priced?.name ?? product?.name ?? seen?.name ?? item.sku;
  const unitAmount = priced?.unit_amount ?? product?.unit_amount;
  const before = seen && seen.currency === currency ? seen.unit_amount : undefined;
  const [refused, setRefused] = useState<string>();
  const faultId = `line-${item.sku}-error`;
  const refusedId = `line-${item.sku}-refused`;

  // At the end of the range a button is not disabled, which would take the focus from it.
  function step(quantity: number) {
    setRefused(undefined);
    if (quantity < 1 || quantity > MAXIMUM_QUANTITY) return;
    onQuantity(item.sku, quantity);
  }

  return (
    <li className="line" data-sku={item.sku}>
      <ProductPicture url={product?.image_url} eager />
      <div className="line-text">
        <h3>{title}</h3>
        {unitAmount !== undefined && currency ? (
          <span className="line-amount">{money(unitAmount * item.quantity, currency)}</span>
        ) : null}
        {unitAmount !== undefined && currency && item.quantity > 1 ? (
          <p className="line-each">{say(texts.cart.each, { price: money(unitAmount, currency) })}</p>
        ) : null}
      </div>
      <div className="line-controls">
        <div className="stepper">
          <button
            type="button"
            className="icon-button"
            aria-label={say(texts.cart.fewer, { name: title })}
            aria-disabled={item.quantity <= 1}
            onClick={() => step(item.quantity - 1)}
          >
            <Icon name="minus" />
          </button>
          <QuantityInput
            label={say(texts.cart.quantity, { name: title })}
            quantity={item.quantity}
            describedBy={fault ? faultId : refused ? refusedId : undefined}
            refused={refused !== undefined}
            onRefused={setRefused}
            onQuantity={(quantity) => onQuantity(item.sku, quantity)}
          />
          <button
            type="button"
            className="icon-button"
            aria-label={say(texts.cart.more, { name: title })}
            aria-disabled={item.quantity >= MAXIMUM_QUANTITY}
            onClick={() => step(item.quantity + 1)}
          >
            <Icon name="plus" />
          </button>
        </div>
        <button
          type="button"
          className="text-button"
          aria-label={say(texts.cart.removeItem, { name: title })}
          onClick={() => onRemove(item.sku)}
        >
          {texts.cart.remove}
        </button>
      </div>
      {unitAmount !== undefined && before !== undefined && currency && before !== unitAmount && !fault ? (
        <p className="line-note">
          {say(before > unitAmount ? texts.cart.cheaper : texts.cart.dearer, { before: money(before, currency) })}
        </p>
      ) : null}
      {refused ? (
        <p id={refusedId} className="field-error line-fault" role="alert">
          {say(texts.cart.quantityRefused, { typed: shortened(refused), most: MAXIMUM_QUANTITY })}
        </p>
      ) : null}
      {fault ? (
        <p id={faultId} className="field-error line-fault" role="alert">
          {title}: {fault.left ? say(texts.catalog.left, { count: fault.left }) : faultText(reading, fault)}
        </p>
      ) : null}
    </li>
  );
}

function shortened(typed: string): string {
  return typed.length > 20 ? `${typed.slice(0, 20)}…` : typed;
}
