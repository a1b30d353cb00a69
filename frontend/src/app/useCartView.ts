/** Track whether the cart is open. It has a history entry of its own, so that Back closes it like a page. */

import { useCallback, useEffect, useRef, useState } from 'react';

const CART_ENTRY = { cart: true } as const;

export interface CartView {
  readonly open: boolean;
  readonly show: () => void;
  readonly hide: () => void;
}

/** The cart is closed after every load, even on its own history entry: the first view ignores the history. */
export function useCartView(): CartView {
  const [open, setOpen] = useState(false);
  // history.back() takes effect later. Until then, remember the last request, which the event must not undo.
  const arrival = useRef<'none' | 'closed' | 'opened'>('none');

  useEffect(() => {
    const follow = () => {
      if (arrival.current === 'opened') history.pushState(CART_ENTRY, '');
      arrival.current = 'none';
      setOpen(isCartEntry());
    };
    const comeBack = (event: PageTransitionEvent) => {
      if (event.persisted) follow();
    };
    window.addEventListener('popstate', follow);
    window.addEventListener('pageshow', comeBack);
    return () => {
      window.removeEventListener('popstate', follow);
      window.removeEventListener('pageshow', comeBack);
    };
  }, []);

  const show = useCallback(() => {
    if (arrival.current !== 'none') arrival.current = 'opened';
    else if (!isCartEntry()) history.pushState(CART_ENTRY, '');
    setOpen(true);
  }, []);

  const hide = useCallback(() => {
    setOpen(false);
    if (arrival.current !== 'none') arrival.current = 'closed';
    else if (isCartEntry()) {
      arrival.current = 'closed';
      history.back();
    }
  }, []);

  return { open, show, hide };
}

/** Go to another page. Replace the cart's entry, so that Back leads to the shop, not to the open cart. */
export function leaveFor(url: string): void {
  if (isCartEntry()) window.location.replace(url);
  else window.location.assign(url);
}

function isCartEntry(): boolean {
  return (history.state as { readonly cart?: unknown } | null)?.cart === true;
}
