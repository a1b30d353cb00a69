/** Follow one order until it is settled: quickly at first, then more slowly, and only while the page is visible. */

import { useCallback, useEffect, useState } from 'react';
import { ApiError, fetchOrder, type Order } from '@/lib/api';
import { isSettled } from './status';

const FIRST_WAIT_MS = 600;
const LONGEST_WAIT_MS = 15_000;
const BACKOFF = 1.4;

export type OrderState =
  | { readonly phase: 'loading'; readonly offline: boolean }
  | { readonly phase: 'unknown' }
  | { readonly phase: 'known'; readonly order: Order; readonly offline: boolean };

/** `ref` is a session id or an order id. */
export function useOrder(ref: string): { readonly state: OrderState; readonly reload: () => void } {
  const [state, setState] = useState<OrderState>({ phase: 'loading', offline: false });
  const [round, setRound] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round starts over.
  useEffect(() => {
    const abort = new AbortController();
    follow(ref, abort.signal, setState).catch(() => undefined); // only ever aborted
    return () => abort.abort();
  }, [ref, round]);

  return { state, reload: useCallback(() => setRound((count) => count + 1), []) };
}

type Update = (change: (before: OrderState) => OrderState) => void;

async function follow(ref: string, signal: AbortSignal, update: Update): Promise<void> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * BACKOFF, LONGEST_WAIT_MS)) {
    try {
      const order = await fetchOrder(ref, signal);
      update(() => ({ phase: 'known', order, offline: false }));
      if (isSettled(order.status)) return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Only these are about the order; 429 or a firewall's 403 are not.
      if (error.status === 404 || error.status === 400) {
        update(() => ({ phase: 'unknown' }));
        return;
      }
      update((before) => (before.phase === 'unknown' ? before : { ...before, offline: true }));
    }
    await pause(wait, signal);
    await becomesVisible(signal);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

function becomesVisible(signal: AbortSignal): Promise<void> {
  if (document.visibilityState === 'visible') return Promise.resolve();
  return new Promise((resolve, reject) => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true, signal });
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}
