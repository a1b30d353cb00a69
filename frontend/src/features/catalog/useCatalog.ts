/** Load the catalog once it is needed, and again on request. The first products come with the page. */

import { useCallback, useEffect, useState } from 'react';
import { ApiError, type Catalog, fetchProducts } from '@/lib/api';
import { type FirstProducts, pageData } from '@/lib/pageData';

/** How long to wait before the other products are asked for again. Each attempt doubles it, up to LONG_SECONDS. */
const WAIT_SECONDS = 5;
const LONG_SECONDS = 60;
/** The daemon's Retry-After makes it longer, up to this. */
const LONGEST_SECONDS = 600;

export type CatalogState =
  | { readonly phase: 'loading' }
  | { readonly phase: 'failed' }
  /** `count` is that of all products. The page may have only the first. `incomplete`: the others failed to load. */
  | { readonly phase: 'ready'; readonly catalog: Catalog; readonly count: number; readonly incomplete?: boolean };

export function useCatalog(needed: boolean): { readonly state: CatalogState; readonly reload: () => void } {
  const [state, setState] = useState<CatalogState>(firstState);
  const [attempt, setAttempt] = useState(0);
  const partial = state.phase === 'ready' && state.catalog.products.length < state.count;

  const reload = useCallback(() => {
    setState((known) => (known.phase === 'ready' ? known : { phase: 'loading' }));
    setAttempt((count) => count + 1);
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is what loads again.
  useEffect(() => {
    if (!needed) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    // A hidden page waits until it is looked at.
    function again() {
      if (document.visibilityState === 'visible') reload();
      else document.addEventListener('visibilitychange', again, { once: true, signal: abort.signal });
    }
    fetchProducts(abort.signal).then(
      (catalog) => setState({ phase: 'ready', catalog, count: catalog.products.length }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setState((known) => (known.phase === 'ready' ? { ...known, incomplete: partial } : { phase: 'failed' }));
        const asked = (error instanceof ApiError && error.retryAfterSeconds) || 0;
        const wait = Math.max(asked, Math.min(WAIT_SECONDS * 2 ** attempt, LONG_SECONDS));
        if (partial) timer = setTimeout(again, Math.min(wait, LONGEST_SECONDS) * 1000);
      },
    );
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [needed, attempt]);

  // Back online: reload without being asked, also what the page knew only the first of.
  useEffect(() => {
    if (state.phase !== 'failed' && !partial) return;
    window.addEventListener('online', reload);
    return () => window.removeEventListener('online', reload);
  }, [state.phase, partial, reload]);

  return { state, reload };
}

function firstState(): CatalogState {
  const first = pageData<FirstProducts>('catalog');
  if (!first) return { phase: 'loading' };
  return { phase: 'ready', catalog: { currency: first.currency, products: first.products }, count: first.count };
}
