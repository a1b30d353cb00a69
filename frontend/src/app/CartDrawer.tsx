/** The cart next to the shop, or instead of it on a phone: empty, or with everything that a checkout needs. */

import { type ReactNode, useEffect, useRef } from 'react';
import { flushSync } from 'react-dom';
import { Drawer } from '@/components/Drawer';
import { Icon } from '@/components/Icon';
import type { Cart } from '@/features/cart/cart';
import { seenStore } from '@/features/cart/seen';
import { UndoBar } from '@/features/cart/UndoBar';
import { useUndo } from '@/features/cart/useUndo';
import type { Product } from '@/lib/api';
import { useStored } from '@/lib/storage';
import { useTexts } from '@/texts/language';
import { FilledCart } from './FilledCart';

export interface CartDrawerProps {
  readonly open: boolean;
  readonly cart: Cart;
  readonly products: ReadonlyMap<string, Product>;
  /** What happened to an order, if that has just changed the cart. */
  readonly news: ReactNode;
  /** Look up what happened to this browser's orders. */
  readonly lookUp: () => Promise<boolean>;
  /** The catalog is older than what the daemon quoted. */
  readonly onBehind: () => void;
  readonly onClose: () => void;
  readonly goTo: (url: string) => void;
}

export function CartDrawer({ open, cart, products, news, lookUp, onBehind, onClose, goTo }: CartDrawerProps) {
  const { texts } = useTexts();
  const { removed, remove, undo, hold } = useUndo();
  const seen = useStored(seenStore);
  const removedSku = removed?.item.sku;

  // The button that had the focus may be gone: Undo, or all of them if an order has emptied the cart.
  const offered = useRef(false);
  const empty = cart.items.length === 0;
  useEffect(() => {
    const gone = (offered.current && !removedSku) || (open && empty);
    if (gone && document.activeElement === document.body) {
      document.querySelector<HTMLElement>('#drawer-title')?.focus();
    }
    offered.current = removedSku !== undefined;
  }, [removedSku, open, empty]);

  function undoRemoval() {
    flushSync(undo);
    const lines = [...document.querySelectorAll<HTMLElement>('.line')];
    const restored = lines.find((line) => line.dataset['sku'] === removedSku);
    restored?.querySelector<HTMLElement>('.text-button')?.focus();
  }

  const banner = removedSku ? (
    <UndoBar
      name={products.get(removedSku)?.name ?? seen[removedSku]?.name ?? removedSku}
      onUndo={undoRemoval}
      onHold={hold}
    />
  ) : null;
  return (
    <Drawer open={open} title={texts.cart.heading} banner={banner} onClose={onClose}>
      {open && news ? (
        <p className="notice drawer-news" role="status">
          {news}
        </p>
      ) : null}
      {empty ? (
        <div className="empty-cart">
          <Icon name="bag" />
          <p className="empty-title">{texts.cart.empty}</p>
          <p>{texts.cart.emptyHint}</p>
          <button type="button" className="button button-quiet" onClick={onClose}>
            {texts.cart.lookAround}
          </button>
        </div>
      ) : open ? (
        <FilledCart
          cart={cart}
          products={products}
          seen={seen}
          lookUp={lookUp}
          onBehind={onBehind}
          onRemove={remove}
          goTo={goTo}
        />
      ) : null}
    </Drawer>
  );
}
