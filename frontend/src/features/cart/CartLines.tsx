/** The items in the cart: picture, quantity, amount, remove. */

import { MinusIcon, PlusIcon } from '@/components/icons';
import { ProductPicture } from '@/components/ProductPicture';
import type { CartItem, PricedItem, Product } from '@/lib/api';
import { formatMoney } from '@/lib/money';
import { MAX_QUANTITY } from './cart';
import { QuantityInput } from './QuantityInput';

interface CartLinesProps {
  readonly items: readonly CartItem[];
  readonly products: ReadonlyMap<string, Product>;
  /** From the newest quote: newer than the catalog's prices. */
  readonly priced: readonly PricedItem[];
  readonly currency: string | undefined;
  /** Reasons, by index, why a line cannot be bought. */
  readonly faults: Readonly<Record<number, string>>;
  readonly onQuantity: (sku: string, quantity: number) => void;
  readonly onRemove: (sku: string) => void;
}

export function CartLines({ items, products, priced, currency, faults, onQuantity, onRemove }: CartLinesProps) {
  return (
    <ul className="lines">
      {items.map((item, index) => (
        <CartLine
          key={item.sku}
          item={item}
          product={products.get(item.sku)}
          priced={priced.find(({ sku }) => sku === item.sku)}
          currency={currency}
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
  readonly fault: string | undefined;
  readonly onQuantity: (sku: string, quantity: number) => void;
  readonly onRemove: (sku: string) => void;
}

function CartLine({ item, product, priced, currency, fault, onQuantity, onRemove }: CartLineProps) {
  const title = priced?.name ?? product?.name ?? item.sku;
  const unitAmount = priced?.unit_amount ?? product?.unit_amount;
  const faultId = `line-${item.sku}-error`;
  return (
    <li className="line" data-sku={item.sku}>
      <ProductPicture url={product?.image_url} eager />
      <div className="line-text">
        <h3>{title}</h3>
        {unitAmount !== undefined && currency ? (
          <span className="line-amount">{formatMoney(unitAmount * item.quantity, currency)}</span>
        ) : null}
      </div>
      <div className="line-controls">
        <div className="stepper">
          <button
            type="button"
            className="icon-button"
            aria-label={`One fewer: ${title}`}
            disabled={item.quantity <= 1}
            onClick={() => onQuantity(item.sku, item.quantity - 1)}
          >
            <MinusIcon />
          </button>
          <QuantityInput
            label={`Quantity: ${title}`}
            quantity={item.quantity}
            describedBy={fault ? faultId : undefined}
            onQuantity={(quantity) => onQuantity(item.sku, quantity)}
          />
          <button
            type="button"
            className="icon-button"
            aria-label={`One more: ${title}`}
            disabled={item.quantity >= MAX_QUANTITY}
            onClick={() => onQuantity(item.sku, item.quantity + 1)}
          >
            <PlusIcon />
          </button>
        </div>
        <button
          type="button"
          className="text-button"
          aria-label={`Remove: ${title}`}
          onClick={() => onRemove(item.sku)}
        >
          Remove
        </button>
      </div>
      {fault ? (
        <p id={faultId} className="field-error line-fault" role="alert">
          {title}: {fault}
        </p>
      ) : null}
    </li>
  );
}
