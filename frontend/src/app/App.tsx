/** The shell around every page: header, page, cart, and announcements for screen readers. */

import { useCallback, useEffect, useMemo, useState } from 'react';
import { Pending } from '@/components/Pending';
import { addItem, cartStore, countItems, whyFull } from '@/features/cart/cart';
import { noteSeen } from '@/features/cart/seen';
import { CatalogPage } from '@/features/catalog/CatalogPage';
import { useCatalog } from '@/features/catalog/useCatalog';
import type { Order, Product } from '@/lib/api';
import { loadWhenIdle, useChunk } from '@/lib/chunk';
import { MAXIMUM_LINES, MAXIMUM_QUANTITY } from '@/lib/pricing/lines';
import { pageData, type ShownProduct } from '@/lib/pageData';
import { useStored } from '@/lib/storage';
import { useTexts } from '@/texts/language';
import type { CartDrawerProps } from './CartDrawer';
import { cartDrawer, orderPage, productPage } from './chunks';
import { Footer } from './Footer';
import { Header } from './Header';
import { LostPage } from './LostPage';
import { NewsText } from './NewsText';
import { type OrderRoute, routeOf } from './route';
import { Toast } from './Toast';
import { useCartView } from './useCartView';
import { useDocumentLanguage } from './useDocument';
import { useOwnOrders } from './useOwnOrders';

interface AppProps {
  readonly location: { readonly pathname: string; readonly search: string };
  readonly goTo: (url: string) => void;
}

export function App({ location, goTo }: AppProps) {
  const { texts, say } = useTexts();
  useDocumentLanguage();
  const route = routeOf(location);
  const cart = useStored(cartStore);
  const cartView = useCartView();
  const { state, reload } = useCatalog(route.page === 'catalog' || cartView.open);
  const orders = useOwnOrders();
  const [announcement, setAnnouncement] = useState('');
  const [full, setFull] = useState<string>();

  const shownProduct = useMemo(() => pageData<ShownProduct>('product'), []);

  const products = useMemo(() => {
    const known = state.phase === 'ready' ? state.catalog.products : [];
    return new Map(known.map((product) => [product.sku, product]));
  }, [state]);

  const held = useMemo(() => new Map(cart.items.map(({ sku, quantity }) => [sku, quantity])), [cart]);

  function add(product: Product) {
    const reason = whyFull(cartStore.get(), product.sku);
    setFull(reason && fullText(product, reason));
    if (reason) return setAnnouncement('');
    const next = cartStore.update((current) => addItem(current, product.sku));
    noteSeen(product, next);
    setAnnouncement(say(texts.catalog.added, { name: product.name, count: countItems(next) }));
  }

  function fullText({ name }: Product, reason: 'lines' | 'quantity'): string {
    return reason === 'lines'
      ? say(texts.catalog.fullLines, { most: MAXIMUM_LINES })
      : say(texts.catalog.fullQuantity, { name, most: MAXIMUM_QUANTITY });
  }

  const isCatalog = route.page === 'catalog';
  useEffect(() => {
    if (state.phase !== 'loading' || !isCatalog) loadWhenIdle(cartDrawer);
  }, [state.phase, isCatalog]);

  const { dismiss } = orders;
  const onDismiss = useCallback(() => {
    setFull(undefined);
    dismiss();
  }, [dismiss]);
  // The page of an order shows that it was placed, but not that its items are back in the cart.
  const shownNews = route.page !== 'order' || orders.news?.kind === 'failed' ? orders.news : undefined;
  const news = shownNews && <NewsText news={shownNews} />;

  return (
    <>
      <Header
        count={countItems(cart)}
        onOpenCart={cartView.show}
        onApproach={() => void cartDrawer.load().catch(() => undefined)}
      />
      <main id="main" tabIndex={-1} aria-hidden={cartView.open || undefined}>
        {route.page === 'catalog' ? (
          <CatalogPage state={state} onRetry={reload} onAdd={add} held={held} onOpenCart={cartView.show} />
        ) : null}
        {route.page === 'order' ? (
          <OrderPlace route={route} hasCart={cart.items.length > 0} onOrder={orders.follow} goTo={goTo} />
        ) : null}
        {route.page === 'product' ? (
          shownProduct ? (
            <ProductPlace
              shown={{ ...shownProduct, product: products.get(route.sku) ?? shownProduct.product }}
              held={held.get(route.sku) ?? 0}
              onAdd={add}
              onOpenCart={cartView.show}
            />
          ) : (
            <LostPage />
          )
        ) : null}
        {route.page === 'lost' ? <LostPage /> : null}
      </main>
      <Footer />
      <CartPlace
        open={cartView.open}
        cart={cart}
        products={products}
        news={news}
        lookUp={orders.lookUp}
        onBehind={reload}
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

interface OrderPlaceProps {
  readonly route: OrderRoute;
  readonly hasCart: boolean;
  readonly onOrder: (order: Order) => void;
  readonly goTo: (url: string) => void;
}

function OrderPlace({ route, hasCart, onOrder, goTo }: OrderPlaceProps) {
  const chunk = useChunk(orderPage);
  if (chunk.phase !== 'ready') return <Pending retry={chunk.phase === 'failed' ? chunk.retry : undefined} />;
  const OrderPage = chunk.part;
  return (
    <OrderPage entrance={route.entrance} reference={route.reference} hasCart={hasCart} onOrder={onOrder} goTo={goTo} />
  );
}

function CartPlace(props: CartDrawerProps) {
  const chunk = useChunk(cartDrawer, props.open);
  if (chunk.phase === 'ready') return <chunk.part {...props} />;
  if (!props.open) return null;
  return (
    <div className="toast-place">
      <div className="toast">
        <Pending retry={chunk.phase === 'failed' ? chunk.retry : undefined} />
      </div>
    </div>
  );
}

interface ProductPlaceProps {
  readonly shown: ShownProduct;
  readonly held: number;
  readonly onAdd: (product: Product) => void;
  readonly onOpenCart: () => void;
}

function ProductPlace(props: ProductPlaceProps) {
  const chunk = useChunk(productPage);
  if (chunk.phase !== 'ready') return <Pending retry={chunk.phase === 'failed' ? chunk.retry : undefined} />;
  return <chunk.part {...props} />;
}
