/** The terms of the discount that the daemon last accepted: so that a reload or a second tab can reckon with it at once. */

import type { Quote } from '@/lib/api';
import type { DiscountTerms } from '@/lib/pricing/discount';
import { isRecord, stored } from '@/lib/storage';

export const termsStore = stored<DiscountTerms | null>(() => localStorage, 'checkout.discount', readTerms);

/** Takes over what a quote tells; one without a discount tells nothing of those it was not asked for. */
export function noteTerms({ discount, currency }: Quote): void {
  if (!discount) return;
  const terms = readTerms({ ...discount, currency });
  if (JSON.stringify(terms) !== JSON.stringify(termsStore.get())) termsStore.set(terms);
}

export function forgetTerms(): void {
  if (termsStore.get()) termsStore.set(null);
}

/** None where it is not known how much it takes off. */
function readTerms(raw: unknown): DiscountTerms | null {
  if (!isRecord(raw) || typeof raw['code'] !== 'string') return null;
  const { code, percent_off, amount_off, currency, minimum_subtotal, ends_at } = raw;
  const rest = {
    ...(typeof currency === 'string' ? { currency } : {}),
    ...(isAmount(minimum_subtotal) ? { minimum_subtotal } : {}),
    ...(typeof ends_at === 'string' ? { ends_at } : {}),
  };
  if (typeof percent_off === 'string' && /^\d+(\.\d+)?$/.test(percent_off)) return { code, percent_off, ...rest };
  return isAmount(amount_off) ? { code, amount_off, ...rest } : null;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
