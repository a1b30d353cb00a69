/** Allow one action at a time: refuse a second click during the first one or while the browser leaves the page. */

import { useCallback, useEffect, useRef, useState } from 'react';

const LEAVING_MS = 10_000;

export interface Busy {
  readonly busy: boolean;
  /** Return false if an action is already running. */
  readonly begin: () => boolean;
  readonly end: () => void;
  /** Stay busy while the browser leaves. End if the page returns from the cache, or is never left. */
  readonly leave: () => void;
}

export function useBusy(): Busy {
  const [busy, setBusy] = useState(false);
  const working = useRef(false); // a second click comes before the next render
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const end = useCallback(() => {
    clearTimeout(timer.current);
    working.current = false;
    setBusy(false);
  }, []);

  useEffect(() => {
    window.addEventListener('pageshow', end);
    return () => {
      window.removeEventListener('pageshow', end);
      clearTimeout(timer.current);
    };
  }, [end]);

  const begin = useCallback(() => {
    if (working.current) return false;
    working.current = true;
    setBusy(true);
    return true;
  }, []);

  const leave = useCallback(() => {
    timer.current = setTimeout(end, LEAVING_MS);
  }, [end]);

  return { busy, begin, end, leave };
}
