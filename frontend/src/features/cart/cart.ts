/** The shopper's cart: SKUs, quantities and a discount code. Prices come from the daemon and are never kept here. */

import type { CartItem } from '@/lib/api';
import { MAXIMUM_LINES, MAXIMUM_QUANTITY } from '@/lib/pricing/lines';
import { isRecord, stored } from '@/lib/storage';

export interface Cart {
  readonly items: readonly CartItem[];
  /** As typed; empty without a discount. */
  readonly code: string;
}

export const EMPTY_CART: Cart = { items: [], code: '' };

export const cartStore = stored<Cart>(() => localStorage, 'checkout.cart', readCart);

/** Return whether the cart is still this one: another tab or an order that is paid may change it at any time. */
export function isCurrent(cart: Cart): boolean {
  return JSON.stringify(cartStore.get()) === JSON.stringify(cart);
}

export function countItems(cart: Cart): number {
  return cart.items.reduce((sum, item) => sum + item.quantity, 0);
}

export function addItem(cart: Cart, sku: string): Cart {
  return putIn(cart, sku, 1);
}

/** Return why one more of a product does not fit, or undefined if it does. */
export function whyFull(cart: Cart, sku: string): 'lines' | 'quantity' | undefined {
  const held = cart.items.find((item) => item.sku === sku);
  if (held) return held.quantity >= MAXIMUM_QUANTITY ? 'quantity' : undefined;
  return cart.items.length >= MAXIMUM_LINES ? 'lines' : undefined;
}

function putIn(cart: Cart, sku: string, quantity: number): Cart {
  const held = cart.items.find((item) => item.sku === sku);
  if (held) return setQuantity(cart, sku, held.quantity + quantity);
  if (cart.items.length >= MAXIMUM_LINES) return cart;
  return { ...cart, items: [...cart.items, { sku, quantity }] };
}

/** Set a quantity, limited to 1..999. */
export function setQuantity(cart: Cart, sku: string, quantity: number): Cart {
  const bounded = Math.min(Math.max(Math.trunc(quantity), 1), MAXIMUM_QUANTITY);
  return { ...cart, items: cart.items.map((item) => (item.sku === sku ? { sku, quantity: bounded } : item)) };
}

/** Remove an item. Removing the last one also removes the discount code. */
export function removeItem(cart: Cart, sku: string): Cart {
  const items = cart.items.filter((item) => item.sku !== sku);
  return items.length > 0 ? { ...cart, items } : EMPTY_CART;
}

/** A removed line, with what is needed to put it back in its place. */
export interface RemovedLine {
  readonly item: CartItem;
  readonly index: number;
  readonly code: string;
}

/** Put a line back. If the product was added again meanwhile, keep that. */
export function restoreLine(cart: Cart, { item, index, code }: RemovedLine): Cart {
  if (cart.items.some(({ sku }) => sku === item.sku) || cart.items.length >= MAXIMUM_LINES) return cart;
  const items = [...cart.items.slice(0, index), item, ...cart.items.slice(index)];
  return { items, code: cart.code || code };
}

/** Remove exactly what was ordered, since the shopper may have added more meanwhile. The discount code is used up. */
export function takeItems(cart: Cart, ordered: readonly CartItem[]): { readonly rest: Cart; readonly taken: Cart } {
  const bought = new Map(ordered.map((item) => [item.sku, item.quantity]));
  const of = (item: CartItem) => Math.min(item.quantity, bought.get(item.sku) ?? 0);
  const taken = cart.items
    .map((item) => ({ sku: item.sku, quantity: of(item) }))
    .filter(({ quantity }) => quantity > 0);
  const items = cart.items
    .map((item) => ({ sku: item.sku, quantity: item.quantity - of(item) }))
    .filter(({ quantity }) => quantity > 0);
  if (taken.length === 0) return { rest: cart, taken: { items: taken, code: '' } };
  return { rest: { items, code: '' }, taken: { items: taken, code: cart.code } };
}

/** Put back what an order took, in addition to what was added since. */
export function restoreItems(cart: Cart, taken: Cart): Cart {
  const items = taken.items.reduce((held, { sku, quantity }) => putIn(held, sku, quantity), cart).items;
  return { items, code: cart.code || taken.code };
}

function readCart(raw: unknown): Cart {
  if (!isRecord(raw) || !Array.isArray(raw['items'])) return EMPTY_CART;
  const items = new Map<string, number>();
  for (const item of raw['items'].slice(0, MAXIMUM_LINES)) {
    if (!isRecord(item)) continue;
    const { sku, quantity } = item;
    if (typeof sku !== 'string' || typeof quantity !== 'number' || !Number.isInteger(quantity)) continue;
    if (quantity >= 1 && quantity <= MAXIMUM_QUANTITY) items.set(sku, quantity);
  }
  return {
    items: [...items].map(([sku, quantity]) => ({ sku, quantity })),
    code: typeof raw['code'] === 'string' ? raw['code'] : '',
  };
}
