/** The cart as every component and every tab sees it. */

import { useSyncExternalStore } from 'react';
import { type Cart, cartStore } from './cart';

export function useCart(): Cart {
  return useSyncExternalStore(cartStore.subscribe, cartStore.get);
}
