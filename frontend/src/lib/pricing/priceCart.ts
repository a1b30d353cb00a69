/**
 * Compute what a cart costs by the daemon's rules (checkout_daemon/catalog/pricing.py), exact to the unit.
 * Both must agree on tests/vectors/pricing.json. Uses BigInt: a percentage of a large cart does not fit a double.
 */

import { maximumAmount, minimumAmount, roundToStep } from './currencies';
import { type DiscountTerms, discountAmount, discountFaults } from './discount';
import { type Line, mergeLines, type PriceFault } from './lines';

export interface PriceableProduct {
  readonly sku: string;
  readonly unit_amount: number;
  readonly currency: string;
  readonly available: boolean;
}

/** In minor units; total = subtotal - discount. */
export interface CartPrice {
  readonly amount_subtotal: number;
  readonly amount_discount: number;
  readonly amount_total: number;
}

export type PriceResult =
  | { readonly price: CartPrice; readonly faults?: never }
  | { readonly price?: never; readonly faults: readonly PriceFault[] };

export interface PriceTerms {
  readonly products: ReadonlyMap<string, PriceableProduct>;
  readonly discount?: DiscountTerms | undefined;
  readonly currency: string;
  /** In milliseconds, as from Date.now(). */
  readonly now: number;
  /** What it costs to send the goods is added later, so Stripe's minimum is checked then. */
  readonly shipped?: boolean | undefined;
}

/** Return the price, or every fault in the daemon's order. A total of zero is allowed, one below Stripe's minimum is not. */
export function priceCart(
  items: readonly Line[],
  { products, discount, currency, now, shipped }: PriceTerms,
): PriceResult {
  const merged = mergeLines(items);
  if (merged.faults) return merged;
  const { lines } = merged;
  const known = lines.map((line) => products.get(line.sku));
  const unsold = lines.flatMap((line, index) => productFaults(known[index], line.position, currency));
  if (unsold.length > 0) {
    return { faults: [...unsold, ...(discount ? discountFaults(discount, undefined, currency, now) : [])] };
  }

  const units = known.map((product) => roundToStep(BigInt(product?.unit_amount ?? 0), 1n, currency));
  const amounts = units.map((unit, index) => unit * BigInt(lines[index]?.quantity ?? 0));
  const subtotal = amounts.reduce((sum, amount) => sum + amount, 0n);
  const refused = discount ? discountFaults(discount, subtotal, currency, now) : [];
  const off = discount && refused.length === 0 ? discountAmount(discount, subtotal, currency) : 0n;
  const faults = [...refused, ...amountFaults(subtotal, shipped ? 0n : subtotal - off, currency)];
  if (faults.length > 0) return { faults };

  return {
    price: {
      amount_subtotal: Number(subtotal),
      amount_discount: Number(off),
      amount_total: Number(subtotal - off),
    },
  };
}

function productFaults(product: PriceableProduct | undefined, position: number, currency: string): PriceFault[] {
  const pointer = `/items/${position}/sku`;
  if (!product) return [{ pointer, code: 'unknown_sku' }];
  return product.available && product.currency === currency ? [] : [{ pointer, code: 'unavailable_sku' }];
}

/** Check the subtotal, not the total, against the maximum: Stripe limits the amount before discounts too. */
function amountFaults(subtotal: bigint, total: bigint, currency: string): PriceFault[] {
  if (subtotal > maximumAmount(currency)) return [{ pointer: '/items', code: 'amount_too_large' }];
  if (total > 0n && total < minimumAmount(currency)) return [{ pointer: '/items', code: 'amount_too_small' }];
  return [];
}
