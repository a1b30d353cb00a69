/** Keep the cart in step with this browser's orders: placed items leave it, and come back if the payment fails. */

import { useCallback, useEffect, useState } from 'react';
import { cartStore, restoreItems, takeItems } from '@/features/cart/cart';
import { forgetAttempt } from '@/features/checkout/attempt';
import { changeOrder, forgetOrder, isPlaced, type OwnOrder, ordersStore } from '@/features/checkout/orders';
import { ApiError, fetchOrder, type Order } from '@/lib/api';

/** What happened to the cart, to tell the shopper. */
export interface OrderNews {
  readonly kind: 'placed' | 'failed';
  readonly id: string;
  readonly number: number;
}

export interface OwnOrders {
  readonly news: OrderNews | undefined;
  readonly dismiss: () => void;
  /** Process the newest state of an order, this browser's or not. Return true if that changed the cart. */
  readonly follow: (order: Order) => boolean;
  /** Look up the orders that can still change. Return true if that changed the cart. */
  readonly lookUp: () => Promise<boolean>;
}

/** Returning to a page can fire several events at once. */
const PAUSE_MS = 2_000;

export function useOwnOrders(): OwnOrders {
  const [news, setNews] = useState<OrderNews>();

  const follow = useCallback((order: Order) => {
    const change = settle(order);
    if (change) setNews(change);
    return change !== undefined;
  }, []);

  const lookUp = useCallback(async () => {
    const open = ordersStore.get().filter(({ paid }) => !paid);
    const changes = open.map(async ({ id }) => {
      try {
        return follow(await fetchOrder(id));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 404) forgetOrder(id);
        return false;
      }
    });
    return (await Promise.all(changes)).includes(true);
  }, [follow]);

  useEffect(() => {
    let last = 0;
    function look() {
      if (Date.now() - last < PAUSE_MS) return;
      last = Date.now();
      void lookUp();
    }
    look();
    window.addEventListener('focus', look);
    window.addEventListener('pageshow', look);
    return () => {
      window.removeEventListener('focus', look);
      window.removeEventListener('pageshow', look);
    };
  }, [lookUp]);

  return { news, dismiss: useCallback(() => setNews(undefined), []), follow, lookUp };
}

/** Change the cart and the noted orders together, and only once: every tab and page may see the same order. */
function settle(order: Order): OrderNews | undefined {
  const own = ordersStore.get().find(({ number }) => number === order.number);
  if (!own) return undefined;
  return isPlaced(order.status) ? place(own, order) : giveBack(own, order);
}

function place(own: OwnOrder, order: Order): OrderNews | undefined {
  const paid = order.status !== 'processing';
  if (own.taken) {
    if (paid && !own.paid) changeOrder(own.id, { paid });
    return undefined;
  }
  const { rest, taken } = takeItems(cartStore.get(), order.items);
  changeOrder(own.id, { taken, paid });
  forgetAttempt(); // the same cart, filled again, is another order
  if (taken.items.length === 0) return undefined;
  cartStore.set(rest);
  return { kind: 'placed', id: own.id, number: own.number };
}

function giveBack(own: OwnOrder, { status }: Order): OrderNews | undefined {
  const { taken } = own;
  if (taken) {
    changeOrder(own.id, { taken: undefined });
    cartStore.update((cart) => restoreItems(cart, taken));
  }
  if (status === 'canceled') forgetOrder(own.id);
  return taken && taken.items.length > 0 ? { kind: 'failed', id: own.id, number: own.number } : undefined;
}
