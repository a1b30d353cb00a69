/**
 * The orders that this browser has made, and what each took out of the cart: so that a placed order ends its cart also
 * where its success page is never loaded, and gives it back if the payment fails after all.
 */

import type { CartItem, CheckoutSession, Order } from '@/lib/api';
import { isRecord, stored } from '@/lib/storage';

export interface OwnOrder {
  readonly id: string;
  readonly number: number;
  /** What was ordered. */
  readonly items: readonly CartItem[];
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What the order took out of the cart when it was placed; undefined while it is not. */
  readonly taken?: { readonly items: readonly CartItem[]; readonly code: string } | undefined;
  /** Paid: nothing will change any more. */
  readonly paid?: boolean | undefined;
}

const DAY_MS = 86_400_000;
/** A paid order is remembered to ask whether it is meant to be bought again. */
const PAID_MS = DAY_MS;
/** A bank debit takes two weeks at most. */
const PROCESSING_MS = 30 * DAY_MS;
/** A payment page is open for a day, and its order may be paid by a link in a mail a little later. */
const UNPAID_MS = 3 * DAY_MS;
const MOST = 8;

export const ordersStore = stored<readonly OwnOrder[]>(() => localStorage, 'checkout.orders', readOrders);

/** Notes an order that this browser made, or was led to again. */
export function noteOrder({ order_id: id, number }: CheckoutSession, items: readonly CartItem[]): void {
  ordersStore.update((held) => {
    const known = held.find((each) => each.id === id);
    return [known ?? { id, number, items, at: Date.now() }, ...held.filter((each) => each !== known)].slice(0, MOST);
  });
}

export function forgetOrder(id: string): void {
  ordersStore.update((held) => held.filter((each) => each.id !== id));
}

export function changeOrder(id: string, change: Partial<OwnOrder>): void {
  ordersStore.update((held) => held.map((each) => (each.id === id ? { ...each, ...change } : each)));
}

/** The money is there or on its way: the goods will be sent, unless it is said otherwise. */
export function isPlaced(status: Order['status']): boolean {
  return !['pending', 'failed', 'expired', 'canceled'].includes(status);
}

/** An order of this browser that is placed and has the same lines, in whatever order they stand. */
export function placedAlike(items: readonly CartItem[]): OwnOrder | undefined {
  const wanted = linesOf(items);
  return ordersStore.get().find((each) => each.taken && linesOf(each.items) === wanted);
}

function linesOf(items: readonly CartItem[]): string {
  return items
    .map(({ sku, quantity }) => `${sku} ${quantity}`)
    .sort()
    .join();
}

function readOrders(raw: unknown): readonly OwnOrder[] {
  if (!Array.isArray(raw)) return [];
  return raw.flatMap((each): OwnOrder[] => {
    if (!isRecord(each)) return [];
    const { id, number, at, taken, paid } = each;
    const items = readItems(each['items']);
    if (typeof id !== 'string' || typeof number !== 'number' || typeof at !== 'number' || !items) return [];
    if (Date.now() - at > (paid === true ? PAID_MS : taken ? PROCESSING_MS : UNPAID_MS)) return [];
    const left = isRecord(taken) ? readItems(taken['items']) : undefined;
    const code = isRecord(taken) && typeof taken['code'] === 'string' ? taken['code'] : '';
    return [{ id, number, items, at, taken: left && { items: left, code }, paid: paid === true }];
  });
}

function readItems(raw: unknown): readonly CartItem[] | undefined {
  if (!Array.isArray(raw)) return undefined;
  return raw.flatMap((each) => {
    const { sku, quantity } = isRecord(each) ? each : {};
    return typeof sku === 'string' && typeof quantity === 'number' ? [{ sku, quantity }] : [];
  });
}
