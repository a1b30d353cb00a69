/** Find products by what is typed: every word, in any order, with or without accents. */

import type { Product } from '@/lib/api';
import { MARKS } from '@/lib/clean';

/** Letters that are no base letter with a mark. */
const OTHERS: Readonly<Record<string, string>> = { ß: 'ss', ł: 'l', ø: 'o', đ: 'd', æ: 'ae', œ: 'oe', ı: 'i' };

/** Return a text as it is compared: small letters without accents and unseen marks. */
export function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(MARKS, '')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[ßłøđæœı]/g, (letter) => OTHERS[letter] ?? letter);
}

/** Return a search in these products: to fold all of them takes longer than to look through them. */
export function searchIn(products: readonly Product[]): (typed: string) => readonly Product[] {
  const texts = products.map(({ sku, name, summary, description }) =>
    folded(`${name} ${sku} ${summary ?? description}`),
  );
  return (typed) => {
    const words = folded(typed).split(/\s+/).filter(Boolean);
    return words.length > 0
      ? products.filter((_, index) => words.every((word) => texts[index]?.includes(word)))
      : products;
  };
}
