/** Keep the cart in step with this browser's orders. The code for that is loaded only if there are any. */

import { useCallback, useEffect, useState } from 'react';
import type { Order } from '@/lib/api';
import { settling } from './chunks';
import type { OrderNews } from './settle';

export interface OwnOrders {
  readonly news: OrderNews | undefined;
  readonly dismiss: () => void;
  /** Process the newest state of an order, this browser's or not. */
  readonly follow: (order: Order) => void;
  /** Look up the orders that can still change. Return true if that changed the cart. */
  readonly lookUp: () => Promise<boolean>;
}

/** Returning to a page can fire several events at once. */
const PAUSE_MS = 2_000;

export function useOwnOrders(): OwnOrders {
  const [news, setNews] = useState<OrderNews>();

  const follow = useCallback(async (order: Order) => {
    if (!hasOrders()) return;
    const { settle } = await settling.load();
    const change = settle(order);
    if (change) setNews(change);
  }, []);

  const lookUp = useCallback(async () => {
    if (!hasOrders()) return false;
    const { lookUpOrders } = await settling.load();
    const [change] = await lookUpOrders();
    if (change) setNews(change);
    return change !== undefined;
  }, []);

  useEffect(() => {
    let last = 0;
    function look() {
      if (Date.now() - last < PAUSE_MS) return;
      last = Date.now();
      lookUp().catch(() => undefined); // looked up again when the shopper comes back
    }
    look();
    window.addEventListener('focus', look);
    window.addEventListener('pageshow', look);
    return () => {
      window.removeEventListener('focus', look);
      window.removeEventListener('pageshow', look);
    };
  }, [lookUp]);

  return {
    news,
    dismiss: useCallback(() => setNews(undefined), []),
    follow: useCallback((order) => void follow(order).catch(() => undefined), [follow]),
    lookUp,
  };
}

/** Return whether this browser has noted an order. Whoever refuses storage has noted none that outlives the page. */
function hasOrders(): boolean {
  try {
    return (localStorage.getItem('checkout.orders') ?? '[]') !== '[]';
  } catch {
    return settling.get() !== undefined;
  }
}
