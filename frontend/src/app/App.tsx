/** The shell around every page: header, page, cart, and announcements for screen readers. */

import { lazy, Suspense, useCallback, useMemo, useState } from 'react';
import { addItem, cartStore, countItems, whyFull } from '@/features/cart/cart';
import { noteSeen } from '@/features/cart/seen';
import { CatalogPage } from '@/features/catalog/CatalogPage';
import { useCatalog } from '@/features/catalog/useCatalog';
import type { Product } from '@/lib/api';
import { MAXIMUM_LINES, MAXIMUM_QUANTITY } from '@/lib/pricing/lines';
import { useStored } from '@/lib/storage';
import { useTexts } from '@/texts/language';
import { CartDrawer } from './CartDrawer';
import { Footer } from './Footer';
import { Header } from './Header';
import { LostPage } from './LostPage';
import { NewsText } from './NewsText';
import { routeOf } from './route';
import { Toast } from './Toast';
import { useCartView } from './useCartView';
import { useDocumentLanguage } from './useDocument';
import { useOwnOrders } from './useOwnOrders';

/** Loaded on demand, because the catalog does not need it. */
const OrderPage = lazy(async () => ({ default: (await import('@/features/order/OrderPage')).OrderPage }));

interface AppProps {
  readonly location: { readonly pathname: string; readonly search: string };
  readonly goTo: (url: string) => void;
}

export function App({ location, goTo }: AppProps) {
  const { texts } = useTexts();
  useDocumentLanguage();
  const route = routeOf(location);
  const { state, reload } = useCatalog();
  const cart = useStored(cartStore);
  const cartView = useCartView();
  const orders = useOwnOrders();
  const [announcement, setAnnouncement] = useState('');
  const [full, setFull] = useState<string>();

  const products = useMemo(() => {
    const known = state.phase === 'ready' ? state.catalog.products : [];
    return new Map(known.map((product) => [product.sku, product]));
  }, [state]);

  function add(product: Product) {
    const reason = whyFull(cartStore.get(), product.sku);
    setFull(reason && fullText(product, reason));
    if (reason) return setAnnouncement('');
    const next = cartStore.update((current) => addItem(current, product.sku));
    noteSeen(product, next);
    setAnnouncement(texts.catalog.added(product.name, countItems(next)));
  }

  function fullText({ name }: Product, reason: 'lines' | 'quantity'): string {
    return reason === 'lines'
      ? texts.catalog.fullLines(MAXIMUM_LINES)
      : texts.catalog.fullQuantity(name, MAXIMUM_QUANTITY);
  }

  const { dismiss } = orders;
  const onDismiss = useCallback(() => {
    setFull(undefined);
    dismiss();
  }, [dismiss]);
  const news = orders.news && route.page !== 'order' ? <NewsText news={orders.news} /> : undefined;

  return (
    <>
      <Header count={countItems(cart)} onOpenCart={cartView.show} />
      <main id="main" tabIndex={-1}>
        {route.page === 'catalog' ? <CatalogPage state={state} onRetry={reload} onAdd={add} /> : null}
        {route.page === 'order' ? (
          <Suspense fallback={<section className="order" aria-busy="true" />}>
            <OrderPage
              entrance={route.entrance}
              reference={route.reference}
              covered={cartView.open}
              onOrder={orders.follow}
              goTo={goTo}
            />
          </Suspense>
        ) : null}
        {route.page === 'lost' ? <LostPage /> : null}
      </main>
      <Footer />
      <CartDrawer
        open={cartView.open}
        cart={cart}
        products={products}
        news={news}
        lookUp={orders.lookUp}
        onClose={cartView.hide}
        goTo={goTo}
      />
      <Toast onDismiss={onDismiss}>{full ?? news}</Toast>
      <p className="visually-hidden" role="status">
        {announcement}
      </p>
    </>
  );
}
