/** Asks the daemon what a cart costs, and separates a refused discount code from the price without it. */

import { ApiError, fetchQuote, type Quote } from '@/lib/api';
import { NO_FAULTS, type PlacedFaults, placeFaults } from '@/lib/faults';
import type { Cart } from './cart';

export interface Pricing {
  /** Undefined when the cart as it is cannot be bought (`faults` says why) or could not be priced (`error` says why). */
  readonly quote: Quote | undefined;
  readonly faults: PlacedFaults;
  readonly error?: ApiError;
}

/** No code is longer; what is, may be more than the daemon reads. */
const LONGEST_CODE = 64;

/** Never throws but when aborted. A refused code gives the quote without it, with the reason on the field. */
export async function priceCart(cart: Cart, signal?: AbortSignal): Promise<Pricing> {
  if (cart.code.length > LONGEST_CODE) {
    const without = await priceCart({ ...cart, code: '' }, signal);
    const discount = { code: 'discount_unknown', detail: '' };
    return { ...without, faults: { ...without.faults, fields: { ...without.faults.fields, discount } } };
  }
  try {
    return { quote: await fetchQuote(cart.items, cart.code, signal), faults: NO_FAULTS };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.faults.length === 0) return { quote: undefined, faults: NO_FAULTS, error };
    const faults = placeFaults(error.faults);
    const onlyTheCode = faults.fields.discount && Object.keys(faults.lines).length === 0 && faults.rest.length === 0;
    if (!cart.code || !onlyTheCode) return { quote: undefined, faults };
    const without = await priceCart({ ...cart, code: '' }, signal);
    return { ...without, faults: { ...without.faults, fields: faults.fields } };
  }
}
