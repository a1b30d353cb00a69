/** A part of the storefront that is loaded when it is needed, or shortly before. */

import { useCallback, useEffect, useState } from 'react';

export interface Chunk<T> {
  /** Load it, once. Reject if that fails; the next call tries again. */
  readonly load: () => Promise<T>;
  readonly get: () => T | undefined;
}

export type ChunkState<T> =
  | { readonly phase: 'loading' }
  | { readonly phase: 'failed'; readonly retry: () => void }
  | { readonly phase: 'ready'; readonly part: T };

/** `fetch` is an import(). */
export function chunk<T>(fetch: () => Promise<T>): Chunk<T> {
  let part: T | undefined;
  return {
    get: () => part,
    load: async () => {
      part ??= await fetch();
      return part;
    },
  };
}

/** Return the part once it is there, and load it as soon as it is needed. */
export function useChunk<T>(wanted: Chunk<T>, needed = true): ChunkState<T> {
  const [{ tries, phase }, setState] = useState<{ tries: number; phase: 'loading' | 'failed' | 'ready' }>(FIRST);
  const part = wanted.get();
  const missing = needed && part === undefined;

  useEffect(() => {
    if (!missing) return;
    wanted.load().then(
      () => setState({ tries, phase: 'ready' }),
      () => {
        // A browser may remember the failure, and a newer release of the shop has other files: then only a reload helps.
        if (tries > 0 && navigator.onLine) window.location.reload();
        else setState({ tries, phase: 'failed' });
      },
    );
  }, [wanted, missing, tries]);

  const retry = useCallback(() => setState({ tries: tries + 1, phase: 'loading' }), [tries]);

  if (part !== undefined) return { phase: 'ready', part };
  return phase === 'failed' ? { phase, retry } : { phase: 'loading' };
}

const FIRST = { tries: 0, phase: 'loading' } as const;

/** Load it when the browser has nothing better to do. */
export function loadWhenIdle(wanted: Chunk<unknown>): void {
  const load = () => void wanted.load().catch(() => undefined); // it is loaded again when it is needed
  if ('requestIdleCallback' in window) window.requestIdleCallback(load, { timeout: 3_000 });
  else setTimeout(load, 1_000); // Safari
}
