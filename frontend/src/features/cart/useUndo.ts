/** Remove a line from the cart, and offer to undo that until a few seconds after the shopper has left the offer. */

import { useCallback, useEffect, useState } from 'react';
import { cartStore, type RemovedLine, removeItem, restoreLine } from './cart';

const OFFERED_MS = 8_000;

export function useUndo() {
  const [removed, setRemoved] = useState<RemovedLine>();
  const [held, hold] = useState(false); // the offer has the focus or the pointer

  useEffect(() => {
    if (!removed || held) return;
    const timer = setTimeout(() => setRemoved(undefined), OFFERED_MS);
    return () => clearTimeout(timer);
  }, [removed, held]);

  const remove = useCallback((sku: string) => {
    const { items, code } = cartStore.get();
    const index = items.findIndex((item) => item.sku === sku);
    const item = items[index];
    if (!item) return;
    cartStore.update((cart) => removeItem(cart, sku));
    setRemoved({ item, index, code });
  }, []);

  const undo = useCallback(() => {
    if (!removed) return;
    cartStore.update((cart) => restoreLine(cart, removed));
    setRemoved(undefined);
    hold(false);
  }, [removed]);

  return { removed, remove, undo, hold };
}
