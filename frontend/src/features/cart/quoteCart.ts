/** Ask the daemon what a cart costs. A refused discount code does not hide the price without it. */

import { ApiError, fetchQuote, type Quote, type ShippingOptions } from '@/lib/api';
import { type FieldErrors, NO_FAULTS, type PlacedFaults, placeFaults } from '@/lib/faults';
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
    return quoteWithoutCode(cart, { discount: { code: 'discount_unknown', detail: '' } }, signal, to);
  }
  try {
    return { quote: await fetchQuote(cart.items, cart.code, signal, to), faults: NO_FAULTS };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 429 && cart.code) {
      // Too many invalid codes came from this address; a cart without a code may still be priced.
      const discount = { code: 'discount_busy', detail: '', waitSeconds: error.retryAfterSeconds };
      return quoteWithoutCode(cart, { discount }, signal, to);
    }
    if (error.faults.length === 0) return { quote: undefined, faults: NO_FAULTS, error };
    const faults = placeFaults(error.faults);
    if (to?.rate && faults.fields.rate) {
      // The shop has other rates now: the shopper chooses again.
      const again = await quoteCart(cart, signal, { ...to, rate: '' });
      return { ...again, faults: { ...again.faults, fields: { ...again.faults.fields, ...faults.fields } } };
    }
    const onlyTheCode = faults.fields.discount && Object.keys(faults.lines).length === 0 && faults.rest.length === 0;
    if (!cart.code || !onlyTheCode) return { quote: undefined, faults };
    return quoteWithoutCode(cart, faults.fields, signal, to);
  }
}

/** Return the price without the code, and why the code is not used. If that fails as well, the code is not to blame. */
async function quoteWithoutCode(
  cart: Cart,
  why: FieldErrors,
  signal: AbortSignal | undefined,
  to: ShippingOptions | undefined,
): Promise<Pricing> {
  const without = await quoteCart({ ...cart, code: '' }, signal, to);
  if (without.error) return without;
  return { ...without, faults: { ...without.faults, fields: { ...without.faults.fields, ...why } } };
}
