/** Retry the payment of the same order. */

import { useState } from 'react';
import { ApiError, retryCheckout } from '@/lib/api';
import { type Later, whyLater } from '@/lib/explain';
import { useBusy } from '@/lib/useBusy';

interface RetryOptions {
  /** Called if the order can no longer be paid: the page is out of date. */
  readonly onGone: () => void;
  readonly goTo: (url: string) => void;
}

export function useRetry({ onGone, goTo }: RetryOptions) {
  const { busy, begin, end, leave } = useBusy();
  const [problem, setProblem] = useState<Later | 'gone' | 'soldOut'>();

  async function run(retryUrl: string) {
    if (!begin()) return;
    setProblem(undefined);
    try {
      const session = await retryCheckout(retryUrl);
      goTo(session.url);
      leave();
    } catch (error) {
      end();
      if (!(error instanceof ApiError)) throw error;
      const gone = error.code === 'not_payable' || error.status === 404;
      const reason = error.code === 'out_of_stock' ? 'soldOut' : whyLater(error);
      setProblem(gone ? 'gone' : reason);
      if (gone) onGone();
    }
  }

  return { retrying: busy, problem, retry: (retryUrl: string) => void run(retryUrl) };
}
