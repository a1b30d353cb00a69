/** Name and price of each product when it was added: used to point out changes, never to compute prices. */

import type { Product } from '@/lib/api';
import { isRecord, stored } from '@/lib/storage';
import type { Cart } from './cart';

export interface SeenProduct {
  readonly name: string;
  readonly unit_amount: number;
  readonly currency: string;
}

export type SeenProducts = Readonly<Record<string, SeenProduct>>;

export const seenStore = stored<SeenProducts>(() => localStorage, 'checkout.seen', readSeen);

/** Remember a product, and forget those that have left the cart. */
export function noteSeen({ sku, name, unit_amount, currency }: Product, cart: Cart): void {
  const held = new Set(cart.items.map((item) => item.sku));
  seenStore.update((seen) => ({
    ...Object.fromEntries(Object.entries(seen).filter(([key]) => held.has(key))),
    [sku]: { name, unit_amount, currency },
  }));
}

function readSeen(raw: unknown): SeenProducts {
  if (!isRecord(raw)) return {};
  const seen: Record<string, SeenProduct> = {};
  for (const [sku, value] of Object.entries(raw)) {
    if (!isRecord(value)) continue;
    const { name, unit_amount, currency } = value;
    if (typeof name !== 'string' || typeof unit_amount !== 'number' || typeof currency !== 'string') continue;
    seen[sku] = { name, unit_amount, currency };
  }
  return seen;
}
