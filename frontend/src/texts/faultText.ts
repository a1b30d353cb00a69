/** A fault in the shopper's language; one that has no text here keeps the daemon's words. */

import type { Fault } from '@/lib/faults';
import type { Texts } from './en';

export function faultText(texts: Texts, { code, detail }: Fault): string {
  const known: Readonly<Record<string, string | null>> = texts.faults;
  return (Object.hasOwn(known, code) ? known[code] : null) ?? detail;
}
