/** Find out whether the catalog is older than a price that the daemon has quoted. */

import type { CartItem, Product } from '@/lib/api';
import type { Fault } from '@/lib/faults';
import type { Pricing } from './quoteCart';

/** Return whether the daemon quoted another price than the catalog's, or refused a product that the catalog offers. */
export function isBehind(
  products: ReadonlyMap<string, Product>,
  items: readonly CartItem[],
  pricing: Pricing,
  faults: Readonly<Record<number, Fault>>,
): boolean {
  const repriced = pricing.quote?.items.some(({ sku, unit_amount }) => {
    const known = products.get(sku);
    return known !== undefined && known.unit_amount !== unit_amount;
  });
  return repriced === true || items.some(({ sku }, index) => isRefused(products.get(sku), faults[index]));
}

function isRefused(product: Product | undefined, fault: Fault | undefined): boolean {
  if (!product?.available) return false;
  if (fault?.code === 'out_of_stock') return product.left !== (fault.left ?? 0);
  return fault?.code === 'unavailable_sku' || fault?.code === 'unknown_sku';
}
