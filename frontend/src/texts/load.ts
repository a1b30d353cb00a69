/** The texts of the languages that were loaded: the page's own come with it, the others when they are asked for. */

import { shop } from '@/lib/shop';
import type { Texts } from './texts';

const loaded = new Map<string, Texts>();

const page = document.getElementById('texts')?.textContent;
if (page) loaded.set(document.documentElement.lang, JSON.parse(page) as Texts);

/** Return the texts of a language, or undefined before they were loaded. */
export function textsOf(language: string): Texts | undefined {
  return loaded.get(language);
}

/** Return a language whose texts came with the page, or the first that was loaded. */
export function firstLoaded(): string | undefined {
  return loaded.keys().next().value;
}

/** Load a language's texts, once. Reject if that fails; the next call tries again. */
export async function loadTexts(language: string): Promise<void> {
  if (!loaded.has(language)) loaded.set(language, await fetchTexts(language));
}

async function fetchTexts(language: string): Promise<Texts> {
  const url = shop.translations?.[language]?.url;
  if (!url) return builtIn(language);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} was answered with ${response.status}`);
  return (await response.json()) as Texts;
}

/** Without a daemon that serves them, as while developing, take those of the build. */
async function builtIn(language: string): Promise<Texts> {
  const files = import.meta.glob<Texts>('../../../checkout_daemon/shop/texts/*.json', { import: 'default' });
  const load = files[`../../../checkout_daemon/shop/texts/${language}.json`];
  if (!load) throw new Error(`there are no texts in ${language}`);
  return load();
}
