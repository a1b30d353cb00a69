/** Read phone numbers as people write them. The library for that is loaded when the field is touched. */

import type { CountryCode } from 'libphonenumber-js/min';
import { chunk } from '@/lib/chunk';
import { cleaned } from '@/lib/clean';
import { asciiDigits } from '@/lib/digits';
import type { FaultCode } from '@/texts/texts';

export type PhoneLibrary = typeof import('libphonenumber-js/min');

export const phoneLibrary = chunk(() => import('libphonenumber-js/min'));

/** `country` (ISO 3166) is where numbers without a country code are from. */
export function normalizePhone(
  typed: string,
  country: string | null | undefined,
  library: PhoneLibrary | null | undefined = phoneLibrary.get(),
): string {
  const text = plain(typed);
  const number = library?.parsePhoneNumberFromString(text, (country ?? undefined) as CountryCode | undefined);
  if (number?.isPossible() && !number.ext) return number.number;
  // Without the library only what is certain: (0) is a part of the number only in Italy. The daemon reads the rest.
  const digits = text.replace(/[\s\p{Pd}.()/]/gu, '');
  return /^\+\d{6,15}$/.test(digits) && !text.includes('(0)') ? digits : typed.trim();
}

/** Return why the number cannot be called, as far as that is known. */
export function phoneFault(
  typed: string,
  country: string | null | undefined,
  library: PhoneLibrary | null | undefined = phoneLibrary.get(),
): FaultCode | null {
  const text = plain(typed);
  if (!/(\P{Nd}*\p{Nd}){3}/u.test(text)) return 'phone_shape';
  if (!country && !/^[^\p{Nd}]*\+/u.test(text)) return 'phone_country';
  switch (library?.validatePhoneNumberLength(text, (country ?? undefined) as CountryCode | undefined)) {
    case 'TOO_SHORT':
    case 'INVALID_LENGTH':
      return 'phone_short';
    case 'TOO_LONG':
      return 'phone_long';
    case 'INVALID_COUNTRY':
      return 'phone_unknown_country';
    case 'NOT_A_NUMBER':
      return 'phone_shape';
    default:
      return null;
  }
}

/** 00 is how most countries dial the +. */
function plain(typed: string): string {
  return asciiDigits(cleaned(typed))
    .replace(/^[^\p{L}\p{N}+]+/u, (start) => (start.includes('(') ? '(' : ''))
    .replace(/^00(?=[1-9])/, '+');
}
