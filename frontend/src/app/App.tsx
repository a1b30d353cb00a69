/** The shell around every page: header, page, cart, and the announcements for those who cannot see them. */

import { useCallback, useMemo, useState } from 'react';
import { addItem, cartStore, countItems, removePurchased } from '@/features/cart/cart';
import { noteSeen } from '@/features/cart/seen';
import { useCart } from '@/features/cart/useCart';
import { CatalogPage } from '@/features/catalog/CatalogPage';
import { useCatalog } from '@/features/catalog/useCatalog';
import { rememberOrder, settleOrder } from '@/features/checkout/attempt';
import { OrderPage } from '@/features/order/OrderPage';
import type { Order, Product } from '@/lib/api';
import { useTexts } from '@/texts/language';
import { CartDrawer } from './CartDrawer';
import { Footer } from './Footer';
import { Header } from './Header';
import { LostPage } from './LostPage';
import { routeOf } from './route';
import { useCartView } from './useCartView';
import { useDocumentLanguage } from './useDocument';

interface AppProps {
  readonly location: { readonly pathname: string; readonly search: string };
  readonly goTo: (url: string) => void;
}

export function App({ location, goTo }: AppProps) {
  const { texts } = useTexts();
  useDocumentLanguage();
  const route = routeOf(location);
  const { state, reload } = useCatalog();
  const cart = useCart();
  const cartView = useCartView();
  const [announcement, setAnnouncement] = useState('');

  const products = useMemo(() => {
    const known = state.phase === 'ready' ? state.catalog.products : [];
    return new Map(known.map((product) => [product.sku, product]));
  }, [state]);

  function add(product: Product) {
    const next = cartStore.update((current) => addItem(current, product.sku));
    noteSeen(product, next);
    setAnnouncement(texts.catalog.added(product.name, countItems(next)));
  }

  const onPaid = useCallback((order: Order) => {
    // Only once, and only where this browser placed the order: a reload must not empty the next cart.
    if (settleOrder(order.number)) cartStore.update((current) => removePurchased(current, order.items));
  }, []);

  return (
    <>
      <Header count={countItems(cart)} onOpenCart={cartView.show} />
      <main id="main" tabIndex={-1}>
        {route.page === 'catalog' ? <CatalogPage state={state} onRetry={reload} onAdd={add} /> : null}
        {route.page === 'order' ? (
          <OrderPage
            entrance={route.entrance}
            reference={route.reference}
            covered={cartView.open}
            onPaid={onPaid}
            onRetried={rememberOrder}
            goTo={goTo}
          />
        ) : null}
        {route.page === 'lost' ? <LostPage /> : null}
      </main>
      <Footer />
      <CartDrawer open={cartView.open} cart={cart} products={products} onClose={cartView.hide} goTo={goTo} />
      <p className="visually-hidden" role="status">
        {announcement}
      </p>
    </>
  );
}
