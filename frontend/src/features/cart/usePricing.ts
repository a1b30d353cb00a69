/** Keep the price of the visible cart up to date: estimated at once, confirmed by the daemon. */

import { useEffect, useMemo, useRef, useState } from 'react';
import type { Product, Quote, ShippingOptions } from '@/lib/api';
import { NO_FAULTS } from '@/lib/faults';
import { useStored } from '@/lib/storage';
import { type Cart, isCurrent } from './cart';
import { estimate, forgetTerms, noteTerms, type Totals, termsStore, totalsOf, withQuotedPrices } from './estimate';
import { type Pricing, quoteCart } from './quoteCart';

const DEBOUNCE_MS = 150;

interface Priced {
  readonly key: string;
  readonly pricing: Pricing;
  /** The total that was shown before the daemon quoted another. */
  readonly correctedFrom?: number | undefined;
}

export interface CartPricing {
  /** The newest answer, which may be for the cart as it was a moment ago. */
  readonly pricing: Pricing | undefined;
  /** True while the newest answer is not for this cart. */
  readonly stale: boolean;
  /** For this cart if they can be known, else the newest ones. */
  readonly totals: Totals | undefined;
  /** The total that this browser estimated, if the daemon's differs. */
  readonly correctedFrom: number | undefined;
  /** Return the price of a cart, at once if it is known and nothing is refused. */
  readonly ensure: (cart: Cart) => Promise<Pricing>;
  /** Use a quote for this cart that came with another answer. */
  readonly accept: (quote: Quote) => void;
  /** Ask again for the same cart. */
  readonly reload: () => void;
}

/** `to`: where the shop would send the cart, if it sends goods. Its quotes are the only ones that know what that costs. */
export function usePricing(
  cart: Cart,
  products: ReadonlyMap<string, Product>,
  to: ShippingOptions | undefined,
): CartPricing {
  const key = keyOf(cart, to);
  const [priced, setPriced] = useState<Priced>();
  const [round, setRound] = useState(0);
  const fresh = priced?.key === key ? priced : undefined;
  const quote = priced?.pricing.quote;

  const terms = useStored(termsStore);
  const known = useMemo(() => withQuotedPrices(products, quote), [products, quote]);
  const estimated = useMemo(() => (to ? undefined : estimate(cart, known, terms)), [cart, known, terms, to]);
  const shown = useRef<{ readonly key: string; readonly totals: Totals | undefined }>(undefined);
  useEffect(() => {
    shown.current = { key, totals: estimated };
  });

  function take(key: string, pricing: Pricing): void {
    const before = shown.current?.key === key ? shown.current.totals : undefined;
    const after = pricing.quote;
    const differs = before && after && before.amount_total !== after.amount_total;
    if (after) noteTerms(after);
    if (pricing.faults.fields.discount && before?.code) forgetTerms(); // the code no longer takes off what they promise
    setPriced({ key, pricing, correctedFrom: differs ? before.amount_total : undefined });
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the cart; a new round asks for the same one.
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      quoteCart(cart, abort.signal, to).then(
        (pricing) => take(key, pricing),
        () => undefined, // aborted: a newer cart is being priced
      );
    }, DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, round]);

  // The line is back: what could not be priced is priced without being asked for.
  const unreachable = fresh?.pricing.error !== undefined;
  useEffect(() => {
    if (!unreachable) return;
    const again = () => setRound((count) => count + 1);
    window.addEventListener('online', again);
    return () => window.removeEventListener('online', again);
  }, [unreachable]);

  async function ensure(wanted: Cart): Promise<Pricing> {
    const known = priced?.key === keyOf(wanted, to) ? priced.pricing : undefined;
    if (known?.quote && known.faults === NO_FAULTS) return known; // what was refused is asked about again
    const pricing = await quoteCart(wanted, undefined, to);
    if (isCurrent(wanted)) take(keyOf(wanted, to), pricing);
    return pricing;
  }

  const quoted = quote && totalsOf(quote);
  const unconfirmed = !fresh || fresh.pricing.error !== undefined;
  return {
    pricing: priced?.pricing,
    stale: !fresh,
    totals: unconfirmed ? (estimated ?? quoted) : quoted,
    correctedFrom: fresh?.correctedFrom,
    ensure,
    accept: (accepted) => setPriced({ key, pricing: { quote: accepted, faults: NO_FAULTS } }),
    reload: () => setRound((count) => count + 1),
  };
}

export function keyOf(cart: Cart, to?: ShippingOptions): string {
  return JSON.stringify(to ? [cart, to] : cart);
}
