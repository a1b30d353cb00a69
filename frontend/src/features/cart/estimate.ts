/** Estimate what the cart costs from what this browser knows, by the daemon's rules, until a quote confirms it. */

import type { Product, Quote, Tax } from '@/lib/api';
import { cleanedCode } from '@/lib/clean';
import type { DiscountTerms } from '@/lib/pricing/discount';
import type { PriceFault } from '@/lib/pricing/lines';
import { type PriceTerms, priceCart } from '@/lib/pricing/priceCart';
import { shop } from '@/lib/shop';
import { isRecord, stored } from '@/lib/storage';
import type { Cart } from './cart';

/** In minor units of `currency`. */
export interface Totals {
  readonly amount_subtotal: number;
  readonly amount_discount: number;
  readonly amount_total: number;
  readonly currency: string;
  /** The code of the discount that is taken off. */
  readonly code: string | undefined;
  /** Part of the total, once a way to ship is chosen. */
  readonly amount_shipping?: number | undefined;
  readonly taxes?: readonly Tax[] | undefined;
}

/** Return undefined if too little is known: products not loaded yet, an unknown code, or a cart that cannot be bought. */
export function estimate(
  cart: Cart,
  products: ReadonlyMap<string, Product>,
  terms: DiscountTerms | null,
  now: number = Date.now(),
): Totals | undefined {
  const currency = products.get(cart.items[0]?.sku ?? '')?.currency;
  if (!currency) return undefined;
  const wanted = cleanedCode(cart.code);
  if (!wanted) return totals(cart, { products, currency, now });
  return terms?.code === wanted ? totals(cart, { products, currency, now, discount: terms }) : undefined;
}

/** Return a quote's totals in the same shape. */
export function totalsOf(quote: Quote): Totals {
  const { amount_subtotal, amount_discount, amount_total, currency, discount, taxes } = quote;
  const amount_shipping = quote.amount_shipping ?? undefined;
  return { amount_subtotal, amount_discount, amount_total, currency, code: discount?.code, amount_shipping, taxes };
}

/** Return the catalog's products at the prices of a newer quote. */
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

/** Omit a discount that does not apply, as the cart does while it shows why. */
function totals(cart: Cart, terms: PriceTerms): Totals | undefined {
  const { price, faults } = priceCart(cart.items, { ...terms, shipped: shop.shipping !== undefined });
  if (price) return { ...price, currency: terms.currency, code: terms.discount?.code };
  return terms.discount && faults.every(isAboutTheCode) ? totals(cart, { ...terms, discount: undefined }) : undefined;
}

function isAboutTheCode({ pointer }: PriceFault): boolean {
  return pointer === '/discount_code';
}

/** The terms of the last discount that the daemon accepted, so that a reload or another tab can estimate at once. */
export const termsStore = stored<DiscountTerms | null>(() => localStorage, 'checkout.discount', readTerms);

/** Keep the terms of a quote's discount. A quote without one proves nothing: it may not have been asked for. */
export function noteTerms({ discount, currency }: Quote): void {
  if (!discount) return;
  const terms = readTerms({ ...discount, currency });
  if (JSON.stringify(terms) !== JSON.stringify(termsStore.get())) termsStore.set(terms);
}

export function forgetTerms(): void {
  if (termsStore.get()) termsStore.set(null);
}

/** Return null if the terms do not state how much is taken off. */
function readTerms(raw: unknown): DiscountTerms | null {
  if (!isRecord(raw) || typeof raw['code'] !== 'string') return null;
  const { code, percent_off, amount_off, currency, minimum_subtotal, ends_at } = raw;
  const rest = {
    ...(typeof currency === 'string' ? { currency } : {}),
    ...(isAmount(minimum_subtotal) ? { minimum_subtotal } : {}),
    ...(typeof ends_at === 'string' ? { ends_at } : {}),
  };
  if (typeof percent_off === 'string' && /^\d+(\.\d+)?$/.test(percent_off)) return { code, percent_off, ...rest };
  return isAmount(amount_off) ? { code, amount_off, ...rest } : null;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
