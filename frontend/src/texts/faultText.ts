/** Return a fault's text in the shopper's language, or the daemon's own if the shop has no text for it. */

import type { Fault } from '@/lib/faults';
import type { Reading } from './language';

type Reader = Pick<Reading, 'texts' | 'say' | 'money'>;

export function faultText({ texts, say, money }: Reader, { code, detail, amount, currency }: Fault): string {
  const known: Readonly<Record<string, string | null>> = texts.faults;
  const text = Object.hasOwn(known, code) ? known[code] : null;
  if (!text) return detail;
  const values = {
    ...(currency ? { currency: currency.toUpperCase() } : {}),
    ...(currency && amount !== undefined ? { amount: money(amount, currency) } : {}),
  };
  const filled = say(text, values);
  return /\{(amount|currency)\}/.test(filled) ? detail : filled; // the daemon's own text has what it did not send
}
