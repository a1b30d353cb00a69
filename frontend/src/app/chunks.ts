/** What the catalog does not need: loaded when the browser is idle, or when it is needed first. */

import { chunk } from '@/lib/chunk';

export const settling = chunk(() => import('./settle'));
/** With the code that looks orders up: a checkout must not fail for want of it. */
export const cartDrawer = chunk(async () => {
  const [{ CartDrawer }] = await Promise.all([import('./CartDrawer'), settling.load()]);
  return CartDrawer;
});
export const productPage = chunk(async () => (await import('@/features/catalog/ProductPage')).ProductPage);
export const orderPage = chunk(async () => (await import('@/features/order/OrderPage')).OrderPage);
