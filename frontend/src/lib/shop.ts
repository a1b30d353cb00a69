/** The shop that the daemon wrote into the page. A page without it, as while developing, has a nameless one. */

import type { Shop, ShopWords } from '@/lib/api';

const NAMELESS: Shop = { name: 'Shop', currency: 'eur', locale: 'en', languages: ['en', 'de'], texts: {} };

export const shop: Shop = JSON.parse(document.getElementById('shop')?.textContent ?? 'null') ?? NAMELESS;

/** Return the shop's own words in a language: the daemon filled in those of its main one. */
export function wordsIn(language: string): ShopWords {
  return shop.texts[language] ?? {};
}

/** Return the title of a page, or of the catalog: the shop's name and tagline. */
export function titleFor(page: string | undefined, { tagline }: ShopWords): string {
  if (page) return `${page} – ${shop.name}`;
  return tagline ? `${shop.name} – ${tagline}` : shop.name;
}
