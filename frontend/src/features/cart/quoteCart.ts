/** Ask the daemon what a cart costs. A refused discount code does not hide the price without it. */

import { ApiError, fetchQuote, type Quote, type ShippingOptions } from '@/lib/api';
import { NO_FAULTS, type PlacedFaults, placeFaults } from '@/lib/faults';
import type { Cart } from './cart';

export interface Pricing {
  /** Undefined if the cart cannot be bought as it is (see `faults`) or could not be priced (see `error`). */
  readonly quote: Quote | undefined;
  readonly faults: PlacedFaults;
  readonly error?: ApiError;
}

/** No code is longer than this; a longer text may exceed what the daemon reads. */
const LONGEST_CODE = 64;

/** Return the quote. If the code is refused, quote the cart without it and put the reason on the field. Throws only when aborted. */
export async function quoteCart(cart: Cart, signal?: AbortSignal, to?: ShippingOptions): Promise<Pricing> {
  if (cart.code.length > LONGEST_CODE) {
    const without = await quoteCart({ ...cart, code: '' }, signal, to);
    const discount = { code: 'discount_unknown', detail: '' };
    return { ...without, faults: { ...without.faults, fields: { ...without.faults.fields, discount } } };
  }
  try {
    return { quote: await fetchQuote(cart.items, cart.code, signal, to), faults: NO_FAULTS };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.faults.length === 0) return { quote: undefined, faults: NO_FAULTS, error };
    const faults = placeFaults(error.faults);
    if (to?.rate && faults.fields.rate) {
      // The shop has other rates now: the shopper chooses again.
      const again = await quoteCart(cart, signal, { ...to, rate: '' });
      return { ...again, faults: { ...again.faults, fields: { ...again.faults.fields, ...faults.fields } } };
    }
    const onlyTheCode = faults.fields.discount && Object.keys(faults.lines).length === 0 && faults.rest.length === 0;
    if (!cart.code || !onlyTheCode) return { quote: undefined, faults };
    const without = await quoteCart({ ...cart, code: '' }, signal, to);
    return { ...without, faults: { ...without.faults, fields: faults.fields } };
  }
}
