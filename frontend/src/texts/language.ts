/** The shopper's language: chosen in the footer, else the first of the browser's languages that the shop has. */

import { useSyncExternalStore } from 'react';
import type { ShopWords } from '@/lib/api';
import { formatMoney } from '@/lib/money';
import { shop, wordsIn } from '@/lib/shop';
import { stored } from '@/lib/storage';
import { firstLoaded, loadTexts, textsOf } from './load';
import { fill, type Text, type Texts, type Values } from './texts';

/** The languages that the shop offers. */
export const LANGUAGE_CODES: readonly string[] = shop.languages;

const chosenStore = stored<string | null>(
  () => localStorage,
  'checkout.language',
  (raw) => (typeof raw === 'string' && isLanguage(raw) ? raw : null),
);

export interface Reading {
  readonly language: string;
  readonly texts: Texts;
  /** The shop's own words. */
  readonly words: ShopWords;
  /** The tag, such as de-AT, for numbers, the payment page and mails. */
  readonly locale: string;
  /** Format an amount in minor units for the shopper's locale. */
  readonly money: (amount: number, currency: string) => string;
  /** Put values into a text. */
  readonly say: (text: Text, values: Values) => string;
}

/** Switch the language once its texts are there; the cart and the details are kept. Reject if they cannot be loaded. */
export async function chooseLanguage(language: string): Promise<void> {
  await loadTexts(language);
  chosenStore.set(language);
}

/** What a language calls itself. */
export function nameOf(language: string): string {
  return shop.translations?.[language]?.name ?? textsOf(language)?.language.name ?? language;
}

/** Load the texts that the shopper should read before anything is shown. If that fails, the page's own have to do. */
export async function prepareTexts(): Promise<void> {
  try {
    await loadTexts(wanted().language);
  } catch {
    if (!firstLoaded()) await loadTexts(fallback());
  }
}

export function useTexts(): Reading {
  return useSyncExternalStore(subscribe, currentReading);
}

let reading: Reading | undefined;

/** Return the same object until the language or locale changes. */
function currentReading(): Reading {
  const { language: best, locale } = wanted();
  const language = textsOf(best) ? best : (reading?.language ?? firstLoaded() ?? best);
  if (reading?.language !== language || reading.locale !== locale) {
    const texts = textsOf(language);
    if (!texts) throw new Error(`the texts in ${language} were not loaded`);
    reading = {
      language,
      locale,
      texts,
      words: wordsIn(language),
      money: (amount, currency) => formatMoney(amount, currency, locale),
      say: (text, values) => fill(text, values, language),
    };
  }
  return reading;
}

function wanted(): { readonly language: string; readonly locale: string } {
  const tags = [...navigator.languages, shop.locale].flatMap(wellFormed);
  const language = chosenStore.get() ?? tags.map(languageOf).find(isLanguage) ?? fallback();
  // In the country of the shopper (de-AT), else of the shop, but always in the language of the texts.
  const locale = tags.find((tag) => languageOf(tag) === language) ?? language;
  return { language, locale };
}

function subscribe(listener: () => void): () => void {
  // Another tab, or the browser's own settings, may ask for a language that this page has not loaded yet.
  const follow = () => void loadTexts(wanted().language).then(listener, listener);
  const stop = chosenStore.subscribe(follow);
  window.addEventListener('languagechange', follow);
  return () => {
    stop();
    window.removeEventListener('languagechange', follow);
  };
}

/** Return the tag in the form that Intl accepts, or nothing: under a POSIX locale Chromium reports en-US@posix. */
function wellFormed(tag: string): string[] {
  try {
    return Intl.getCanonicalLocales(tag.split('@')[0]);
  } catch {
    return [];
  }
}

function languageOf(tag: string): string {
  return tag.split('-')[0] ?? '';
}

function isLanguage(code: string): boolean {
  return LANGUAGE_CODES.includes(code);
}

function fallback(): string {
  const own = languageOf(shop.locale);
  return isLanguage(own) ? own : (LANGUAGE_CODES[0] ?? 'en');
}
