/** A value in the browser's storage, shared by all tabs. */

import { useSyncExternalStore } from 'react';

export interface Stored<T> {
  readonly get: () => T;
  readonly set: (value: T) => void;
  /** Change the stored value, which another tab may have written, and return the new one. */
  readonly update: (change: (value: T) => T) => T;
  readonly subscribe: (listener: () => void) => () => void;
}

/**
 * `read` turns what was stored (null if nothing, anything if another version or a person wrote it) into a value.
 * If the browser refuses storage, the value is kept in memory until the page is left.
 */
export function stored<T>(storage: () => Storage, key: string, read: (raw: unknown) => T): Stored<T> {
  const listeners = new Set<() => void>();
  let text: string | null = null;
  let value = read(null);
  let memoryOnly = false;

  function get(): T {
    const now = memoryOnly ? text : readText(storage, key, text);
    if (now !== text) {
      text = now;
      value = read(parse(now));
    }
    return value;
  }

  function set(next: T): void {
    value = next;
    text = JSON.stringify(next);
    try {
      storage().setItem(key, text);
    } catch {
      memoryOnly = true; // full or refused
    }
    for (const listener of listeners) listener();
  }

  function update(change: (value: T) => T): T {
    const next = change(get());
    set(next);
    return next;
  }

  function subscribe(listener: () => void): () => void {
    const onStorage = (event: StorageEvent) => {
      if (event.key === key || event.key === null) listener();
    };
    listeners.add(listener);
    window.addEventListener('storage', onStorage);
    return () => {
      listeners.delete(listener);
      window.removeEventListener('storage', onStorage);
    };
  }

  return { get, set, update, subscribe };
}

/** Return the value as it is now, and render again when it changes. */
export function useStored<T>({ subscribe, get }: Stored<T>): T {
  return useSyncExternalStore(subscribe, get);
}

function readText(storage: () => Storage, key: string, fallback: string | null): string | null {
  try {
    return storage().getItem(key);
  } catch {
    return fallback;
  }
}

function parse(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
