/** What an order's state means for the cart: placed items leave it, and come back if the payment fails. */

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

/** Look up this browser's orders that can still change, and return what that did to the cart. */
export async function lookUpOrders(): Promise<OrderNews[]> {
  const open = ordersStore.get().filter(({ paid }) => !paid);
  const changes = open.map(async ({ id }) => {
    try {
      return settle(await fetchOrder(id));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404) forgetOrder(id);
      return undefined;
    }
  });
  return (await Promise.all(changes)).filter((change) => change !== undefined);
}

/** Change the cart and the noted orders together, and only once: every tab and page may see the same order. */
export function settle(order: Order): OrderNews | undefined {
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
  const over = status !== 'pending';
  if (taken || over !== (own.over ?? false)) changeOrder(own.id, { taken: undefined, over });
  if (taken) cartStore.update((cart) => restoreItems(cart, taken));
  if (status === 'canceled') forgetOrder(own.id);
  return taken && taken.items.length > 0 ? { kind: 'failed', id: own.id, number: own.number } : undefined;
}
