/** Load the catalog once, and again on request. */

import { useCallback, useEffect, useState } from 'react';
import { type Catalog, fetchProducts } from '@/lib/api';

export type CatalogState =
  | { readonly phase: 'loading' }
  | { readonly phase: 'failed' }
  | { readonly phase: 'ready'; readonly catalog: Catalog };

export function useCatalog(): { readonly state: CatalogState; readonly reload: () => void } {
  const [state, setState] = useState<CatalogState>({ phase: 'loading' });
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is what loads again.
  useEffect(() => {
    const abort = new AbortController();
    fetchProducts(abort.signal).then(
      (catalog) => setState({ phase: 'ready', catalog }),
      () => {
        if (!abort.signal.aborted) setState({ phase: 'failed' });
      },
    );
    return () => abort.abort();
  }, [attempt]);

  const reload = useCallback(() => {
    setState({ phase: 'loading' });
    setAttempt((count) => count + 1);
  }, []);

  // Back online: reload without being asked.
  useEffect(() => {
    if (state.phase !== 'failed') return;
    window.addEventListener('online', reload);
    return () => window.removeEventListener('online', reload);
  }, [state.phase, reload]);

  return { state, reload };
}
