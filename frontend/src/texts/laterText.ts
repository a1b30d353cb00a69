/** Return why a request may succeed later, and when, in the shopper's language. */

import type { Later } from '@/lib/explain';
import type { Reading } from './language';

type Reader = Pick<Reading, 'texts' | 'say' | 'language'>;

export function laterText({ texts, say, language }: Reader, { reason, waitSeconds }: Later): string {
  return say(texts.later[reason], { wait: waitText(language, waitSeconds) });
}

/** Return a time in whole minutes in the words of a language: `waitText('de', 90)` is "2 Minuten". */
export function waitText(language: string, seconds = 60): string {
  const minutes = Math.max(Math.ceil(seconds / 60), 1);
  return new Intl.NumberFormat(language, { style: 'unit', unit: 'minute', unitDisplay: 'long' }).format(minutes);
}
