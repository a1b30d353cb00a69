/** Whether the cart is on the screen. It has a history entry of its own, so that Back closes it as it would a page. */

import { useCallback, useEffect, useRef, useState } from 'react';

const CART_ENTRY = { cart: true } as const;

export interface CartView {
  readonly open: boolean;
  readonly show: () => void;
  readonly hide: () => void;
}

/** Closed after every load, also where the entry is the cart's: what a page shows first does not hang on its history. */
export function useCartView(): CartView {
  const [open, setOpen] = useState(false);
  // history.back() arrives later: until then, what was asked last is what the arrival must not undo.
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

/** Leaves for another page. The cart's entry is replaced: Back from the payment page leads to the shop, not to an open cart. */
export function leaveFor(url: string): void {
  if (isCartEntry()) window.location.replace(url);
  else window.location.assign(url);
}

function isCartEntry(): boolean {
  return (history.state as { readonly cart?: unknown } | null)?.cart === true;
}
