/** What the cart costs by what this browser knows, by the daemon's own rules: shown until its quote confirms it. */

import type { Product, Quote } from '@/lib/api';
import { cleaned } from '@/lib/clean';
import type { DiscountTerms } from '@/lib/pricing/discount';
import type { PriceFault } from '@/lib/pricing/fault';
import { type PriceTerms, priceCart } from '@/lib/pricing/priceCart';
import type { Cart } from './cart';

/** In minor units of `currency`. */
export interface Totals {
  readonly amount_subtotal: number;
  readonly amount_discount: number;
  readonly amount_total: number;
  readonly currency: string;
  /** Of the discount that is taken off. */
  readonly code: string | undefined;
}

/** Undefined where too little is known: products not loaded yet, an unknown code, or a cart that cannot be bought. */
export function estimate(
  cart: Cart,
  products: ReadonlyMap<string, Product>,
  terms: DiscountTerms | null,
  now: number = Date.now(),
): Totals | undefined {
  const currency = products.get(cart.items[0]?.sku ?? '')?.currency;
  if (!currency) return undefined;
  const wanted = cleaned(cart.code).toUpperCase(); // as the daemon reads codes
  if (!wanted) return totals(cart, { products, currency, now });
  return terms?.code === wanted ? totals(cart, { products, currency, now, discount: terms }) : undefined;
}

/** A quote's totals, in the same shape. */
export function totalsOf({ amount_subtotal, amount_discount, amount_total, currency, discount }: Quote): Totals {
  return { amount_subtotal, amount_discount, amount_total, currency, code: discount?.code };
}

/** The catalog's products at the prices of a newer quote. */
export function withQuotedPrices(
  products: ReadonlyMap<string, Product>,
  quote: Quote | undefined,
): ReadonlyMap<string, Product> {
  if (!quote) return products;
  const known = new Map(products);
  for (const { sku, unit_amount } of quote.items) {
    const product = known.get(sku);
    if (product) known.set(sku, { ...product, unit_amount, currency: quote.currency, available: true });
  }
  return known;
}

/** A discount that does not apply is left out, as while the shopper is told why. */
function totals(cart: Cart, terms: PriceTerms): Totals | undefined {
  const { price, faults } = priceCart(cart.items, terms);
  if (price) return { ...price, currency: terms.currency, code: terms.discount?.code };
  return terms.discount && faults.every(isAboutTheCode) ? totals(cart, { ...terms, discount: undefined }) : undefined;
}

function isAboutTheCode({ pointer }: PriceFault): boolean {
  return pointer === '/discount_code';
}
