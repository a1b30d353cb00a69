/**
 * The orders that this browser placed, and what they took out of the cart. A placed order empties the cart even if its
 * success page is never loaded, and refills it if the payment fails later.
 */

import type { CartItem, CheckoutRequest, CheckoutSession, Order } from '@/lib/api';
import { cleanedCode } from '@/lib/clean';
import type { PlacedFaults } from '@/lib/faults';
import { isRecord, stored } from '@/lib/storage';

export interface OwnOrder {
  readonly id: string;
  readonly number: number;
  /** What was ordered. */
  readonly items: readonly CartItem[];
  /** The discount code as the daemon compares it, empty without one. Orders that an earlier release noted have none. */
  readonly code?: string | undefined;
  /** In milliseconds since 1970. */
  readonly at: number;
  /** What the order took out of the cart when it was placed; undefined before that. */
  readonly taken?: { readonly items: readonly CartItem[]; readonly code: string } | undefined;
  /** True once it is paid and cannot change any more. */
  readonly paid?: boolean | undefined;
  /** What it costs, in minor units. Orders that an earlier release noted have none. */
  readonly total?: number | undefined;
  /** True if an address was sent along. */
  readonly shipped?: boolean | undefined;
  /** True while it has no session that can be paid, so that it reserves nothing. */
  readonly over?: boolean | undefined;
}

/** An unpaid order with a session that can be paid. */
export type OpenOrder = OwnOrder & { readonly total: number };

const DAY_MS = 86_400_000;
/** A paid order is remembered, to ask before the same items are bought again. */
const PAID_MS = DAY_MS;
/** A bank debit takes at most two weeks. */
const PROCESSING_MS = 30 * DAY_MS;
/** A payment page is open for a day, and a mailed link may pay its order a little later. */
const UNPAID_MS = 3 * DAY_MS;
const MOST = 8;

export const ordersStore = stored<readonly OwnOrder[]>(() => localStorage, 'checkout.orders', readOrders);

/** Remember an order that this browser placed, or was sent to again. */
export function noteOrder(
  { order_id: id, number, amount_total: total }: CheckoutSession,
  { items, discount_code, shipping }: Pick<CheckoutRequest, 'items' | 'discount_code' | 'shipping'>,
): void {
  const code = cleanedCode(discount_code ?? '');
  const shipped = shipping != null;
  ordersStore.update((held) => {
    const known = held.find((order) => order.id === id);
    const order = { at: Date.now(), ...known, id, number, items, code, total, shipped };
    return [order, ...held.filter((other) => other !== known)].slice(0, MOST);
  });
}

export function forgetOrder(id: string): void {
  ordersStore.update((held) => held.filter((order) => order.id !== id));
}

export function changeOrder(id: string, change: Partial<OwnOrder>): void {
  ordersStore.update((held) => held.map((order) => (order.id === id ? { ...order, ...change } : order)));
}

/** Return whether the money has arrived or is on its way. */
export function isPlaced(status: Order['status']): boolean {
  return !['pending', 'failed', 'expired', 'canceled'].includes(status);
}

/** Return this browser's placed order with the same lines, in any order. */
export function placedAlike(items: readonly CartItem[]): OwnOrder | undefined {
  const wanted = linesOf(items);
  return ordersStore.get().find((order) => order.taken && linesOf(order.items) === wanted);
}

/** What is refused while an unpaid order reserves it, also to its own shopper, and a code that was tried too often. */
const RESERVED: readonly (string | undefined)[] = ['out_of_stock', 'discount_exhausted', 'discount_busy'];

/** Return this browser's open order with the same lines and code, if nothing is refused but what it may have reserved. */
export function heldBy(
  items: readonly CartItem[],
  code: string,
  { fields, lines, rest }: PlacedFaults,
): OpenOrder | undefined {
  const faults = [...Object.values(fields), ...Object.values(lines), ...rest];
  if (faults.length === 0 || !faults.every((fault) => RESERVED.includes(fault?.code))) return undefined;
  const wanted = linesOf(items);
  const wantedCode = cleanedCode(code);
  const codeRefused = faults.some((fault) => fault?.code !== 'out_of_stock');
  const hasCode = (order: OwnOrder) => (order.code === undefined ? !codeRefused : order.code === wantedCode);
  const isOpen = (order: OwnOrder): order is OpenOrder => order.total !== undefined && !order.taken && !order.over;
  const open = ordersStore.get().filter(isOpen);
  return open.find((order) => hasCode(order) && linesOf(order.items) === wanted);
}

function linesOf(items: readonly CartItem[]): string {
  return items
    .map(({ sku, quantity }) => `${sku} ${quantity}`)
    .sort()
    .join();
}

function readOrders(raw: unknown): readonly OwnOrder[] {
  if (!Array.isArray(raw)) return [];
  return raw.flatMap((value): OwnOrder[] => {
    if (!isRecord(value)) return [];
    const { id, number, at, taken, paid, total, shipped, over } = value;
    const items = readItems(value['items']);
    if (typeof id !== 'string' || typeof number !== 'number' || typeof at !== 'number' || !items) return [];
    if (Date.now() - at > (paid === true ? PAID_MS : taken ? PROCESSING_MS : UNPAID_MS)) return [];
    const left = isRecord(taken) ? readItems(taken['items']) : undefined;
    const takenCode = isRecord(taken) && typeof taken['code'] === 'string' ? taken['code'] : '';
    const code = typeof value['code'] === 'string' ? value['code'] : undefined;
    return [
      {
        ...{ id, number, items, code, at, taken: left && { items: left, code: takenCode }, paid: paid === true },
        ...{ total: typeof total === 'number' ? total : undefined, shipped: shipped === true, over: over === true },
      },
    ];
  });
}

function readItems(raw: unknown): readonly CartItem[] | undefined {
  if (!Array.isArray(raw)) return undefined;
  return raw.flatMap((value) => {
    const { sku, quantity } = isRecord(value) ? value : {};
    return typeof sku === 'string' && typeof quantity === 'number' ? [{ sku, quantity }] : [];
  });
}
