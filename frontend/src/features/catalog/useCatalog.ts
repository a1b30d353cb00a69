/** Load the catalog once it is needed, and again on request. The first products come with the page. */

import { useCallback, useEffect, useState } from 'react';
import { type Catalog, fetchProducts } from '@/lib/api';
import { type FirstProducts, pageData } from '@/lib/pageData';

export type CatalogState =
  | { readonly phase: 'loading' }
  | { readonly phase: 'failed' }
  /** `count` is that of all products, of which the page may have had only the first. */
  | { readonly phase: 'ready'; readonly catalog: Catalog; readonly count: number };

export function useCatalog(needed: boolean): { readonly state: CatalogState; readonly reload: () => void } {
  const [state, setState] = useState<CatalogState>(firstState);
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is what loads again.
  useEffect(() => {
    if (!needed) return;
    const abort = new AbortController();
    fetchProducts(abort.signal).then(
      (catalog) => setState({ phase: 'ready', catalog, count: catalog.products.length }),
      () => {
        if (!abort.signal.aborted) setState((known) => (known.phase === 'ready' ? known : { phase: 'failed' }));
      },
    );
    return () => abort.abort();
  }, [needed, attempt]);

  const reload = useCallback(() => {
    setState((known) => (known.phase === 'ready' ? known : { phase: 'loading' }));
    setAttempt((count) => count + 1);
  }, []);

  // Back online: reload without being asked, also what the page knew only the first of.
  const partial = state.phase === 'ready' && state.catalog.products.length < state.count;
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
