/**
 * What a cart costs, by the daemon's rules (checkout_daemon/domain/pricing.py), exact to the unit.
 * tests/vectors/pricing.json holds both to one another. BigInt within: a percentage of a large cart outgrows a double.
 */

import { maximumAmount, minimumAmount, roundToStep } from './currencies';
import { type DiscountTerms, discountAmount, discountFaults, shareDiscount } from './discount';
import type { PriceFault } from './fault';
import { type Line, mergeLines } from './lines';

export interface PriceableProduct {
  readonly sku: string;
  readonly unit_amount: number;
  readonly currency: string;
  readonly available: boolean;
}

export interface PricedLine extends Line {
  readonly unit_amount: number;
  /** unit_amount x quantity. */
  readonly amount: number;
  /** This line's share of the discount. */
  readonly amount_discount: number;
}

/** The lines add up to the subtotal, their shares to the discount; total = subtotal - discount. Minor units. */
export interface CartPrice {
  readonly lines: readonly PricedLine[];
  readonly amount_subtotal: number;
  readonly amount_discount: number;
  readonly amount_total: number;
}

export type CartPricing =
  | { readonly price: CartPrice; readonly faults?: never }
  | { readonly price?: never; readonly faults: readonly PriceFault[] };

export interface PriceTerms {
  readonly products: ReadonlyMap<string, PriceableProduct>;
  readonly discount?: DiscountTerms | undefined;
  readonly currency: string;
  /** In milliseconds, as Date.now() has it. */
  readonly now: number;
}

/** Every fault at once, in the daemon's order. A total of zero is fine; one below Stripe's minimum is not. */
export function priceCart(items: readonly Line[], { products, discount, currency, now }: PriceTerms): CartPricing {
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
  const faults = [...refused, ...amountFaults(subtotal, subtotal - off, currency)];
  if (faults.length > 0) return { faults };

  const shares = shareDiscount(amounts, off, currency);
  return {
    price: {
      lines: lines.map(({ sku, quantity }, index) => ({
        sku,
        quantity,
        unit_amount: Number(units[index]),
        amount: Number(amounts[index]),
        amount_discount: Number(shares[index]),
      })),
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

/** The subtotal, not the total, is held to the maximum: Stripe limits the amount before discounts too. */
function amountFaults(subtotal: bigint, total: bigint, currency: string): PriceFault[] {
  if (subtotal > maximumAmount(currency)) return [{ pointer: '/items', code: 'amount_too_large' }];
  if (total > 0n && total < minimumAmount(currency)) return [{ pointer: '/items', code: 'amount_too_small' }];
  return [];
}
