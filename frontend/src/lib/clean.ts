/** Remove what pasting adds to text, as the daemon does. Both must agree on tests/vectors/contact.json. */

const UNSEEN = /\p{Cf}|\u034f|[\u115f\u1160]|[\u17b4\u17b5]|[\ufe00-\ufe0f]/gu;
/** Marks that are not seen and change no word: soft hyphens, joiners of words, directions. */
export const MARKS = /[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202c\u2060\u2066-\u2069\ufeff]/g;
const DRAWN_AS_BLANKS = /[\u2800\u3164\uffa0]/g;

/** Clean text of a known alphabet: an address, a code, a number. */
export function cleaned(text: string): string {
  return text
    .replace(UNSEEN, '')
    .replace(DRAWN_AS_BLANKS, ' ')
    .replace(/[\u2010-\u2013\u2212]/g, '-')
    .replace(/[\uff01-\uff5e]/g, (char) => String.fromCharCode(char.charCodeAt(0) - 0xfee0))
    .trim();
}

/** Return a discount code as the daemon compares it. */
export function cleanedCode(text: string): string {
  return cleaned(text).toUpperCase();
}

/** Clean words of any language: single spaces, no pasted direction marks. */
export function tidied(text: string): string {
  return text.replace(MARKS, '').replace(DRAWN_AS_BLANKS, ' ').replace(/\s+/g, ' ').trim();
}

export function isVisible(text: string): boolean {
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(text.replace(UNSEEN, '').replace(DRAWN_AS_BLANKS, ''));
}
