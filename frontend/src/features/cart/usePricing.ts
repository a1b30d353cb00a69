/** Keeps the price of the cart up to date while it is on the screen. */

import { useEffect, useState } from 'react';
import type { Quote } from '@/lib/api';
import { NO_FAULTS } from '@/lib/faults';
import type { Cart } from './cart';
import { type Pricing, priceCart } from './pricing';

const DEBOUNCE_MS = 150;

interface Priced {
  readonly key: string;
  readonly pricing: Pricing;
}

export interface CartPricing {
  /** The newest answer, which may be for the cart as it was a moment ago. */
  readonly pricing: Pricing | undefined;
  /** True while the newest answer is not for this cart. */
  readonly stale: boolean;
  /** The price of a cart: at once where it is known. */
  readonly ensure: (cart: Cart) => Promise<Pricing>;
  /** Takes a quote for this cart that came with another answer. */
  readonly accept: (quote: Quote) => void;
  /** Asks again for the same cart. */
  readonly reload: () => void;
}

export function usePricing(cart: Cart): CartPricing {
  const key = keyOf(cart);
  const [priced, setPriced] = useState<Priced>();
  const [round, setRound] = useState(0);
  const fresh = priced?.key === key ? priced.pricing : undefined;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the cart; a new round asks for the same one.
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      priceCart(cart, abort.signal).then(
        (pricing) => setPriced({ key, pricing }),
        () => undefined, // aborted: a newer cart is being priced
      );
    }, DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, round]);

  async function ensure(wanted: Cart): Promise<Pricing> {
    if (priced?.key === keyOf(wanted) && !priced.pricing.error) return priced.pricing;
    const pricing = await priceCart(wanted);
    setPriced({ key: keyOf(wanted), pricing });
    return pricing;
  }

  return {
    pricing: priced?.pricing,
    stale: !fresh,
    ensure,
    accept: (quote) => setPriced({ key, pricing: { quote, faults: NO_FAULTS } }),
    reload: () => setRound((count) => count + 1),
  };
}

export function keyOf(cart: Cart): string {
  return JSON.stringify(cart);
}
