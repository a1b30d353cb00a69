/** Return a fault's text in the shopper's language, or the daemon's own if the shop has no text for it. */

import type { Fault } from '@/lib/faults';
import type { Texts } from './texts';

export function faultText(texts: Texts, { code, detail }: Fault): string {
  const known: Readonly<Record<string, string | null>> = texts.faults;
  return (Object.hasOwn(known, code) ? known[code] : null) ?? detail;
}
