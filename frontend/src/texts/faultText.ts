/** Return a fault's text in the shopper's language, or the daemon's own if the shop has no text for it. */

import type { Fault } from '@/lib/faults';
import type { Reading } from './language';
import { waitText } from './laterText';

type Reader = Pick<Reading, 'texts' | 'say' | 'money' | 'language'>;

export function faultText(reader: Reader, { code, detail, amount, currency, waitSeconds }: Fault): string {
  const { texts, say, money, language } = reader;
  const known: Readonly<Record<string, string | null>> = texts.faults;
  const text = Object.hasOwn(known, code) ? known[code] : null;
  if (!text) return detail;
  const values = {
    ...(currency ? { currency: currency.toUpperCase() } : {}),
    ...(currency && amount !== undefined ? { amount: money(amount, currency) } : {}),
    wait: waitText(language, waitSeconds),
  };
  const filled = say(text, values);
  return /\{(amount|currency)\}/.test(filled) ? detail : filled; // the daemon's own text has what it did not send
}
