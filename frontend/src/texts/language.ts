/** The shopper's language: chosen in the footer, else the first of the browser's languages that the shop has. */

import { useSyncExternalStore } from 'react';
import type { ShopWords } from '@/lib/api';
import { formatMoney } from '@/lib/money';
import { shop, wordsIn } from '@/lib/shop';
import { stored } from '@/lib/storage';
import { de } from './de';
import { en, type Texts } from './en';

const LANGUAGES = { en, de } as const satisfies Record<string, Texts>;

export type Language = keyof typeof LANGUAGES;

/** The languages that the shop offers. */
export const LANGUAGE_CODES: readonly Language[] = shop.languages.filter((code): code is Language =>
  Object.hasOwn(LANGUAGES, code),
);

const chosenStore = stored<Language | null>(
  () => localStorage,
  'checkout.language',
  (raw) => (typeof raw === 'string' && isLanguage(raw) ? raw : null),
);

/** Switch the language; the cart and the details are kept. */
export function chooseLanguage(language: Language): void {
  chosenStore.set(language);
}

export function textsOf(language: Language): Texts {
  return LANGUAGES[language];
}

export interface Reading {
  readonly language: Language;
  readonly texts: Texts;
  /** The shop's own words. */
  readonly words: ShopWords;
  /** The tag, such as de-AT, for numbers, the payment page and mails. */
  readonly locale: string | undefined;
  /** Format an amount in minor units for the shopper's locale. */
  readonly money: (amount: number, currency: string) => string;
}

export function useTexts(): Reading {
  return useSyncExternalStore(subscribe, currentReading);
}

let reading: Reading | undefined;

/** Return the same object until the language or locale changes. */
function currentReading(): Reading {
  const chosen = chosenStore.get();
  const wanted = navigator.languages.flatMap(wellFormed).map((tag) => ({ tag, language: tag.split('-')[0] ?? '' }));
  const language = chosen ?? wanted.map((candidate) => candidate.language).find(isLanguage) ?? fallback();
  // Numbers keep the shopper's country (de-AT), and the shopper's own locale if the shop lacks the language.
  const locale = wanted.find((candidate) => candidate.language === language)?.tag ?? chosen ?? wanted[0]?.tag;
  if (reading?.language !== language || reading.locale !== locale) {
    const money = (amount: number, currency: string) => formatMoney(amount, currency, locale);
    reading = { language, locale, texts: LANGUAGES[language], words: wordsIn(language), money };
  }
  return reading;
}

function subscribe(listener: () => void): () => void {
  const stop = chosenStore.subscribe(listener);
  window.addEventListener('languagechange', listener);
  return () => {
    stop();
    window.removeEventListener('languagechange', listener);
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

function isLanguage(code: string): code is Language {
  return LANGUAGE_CODES.some((language) => language === code);
}

function fallback(): Language {
  const own = shop.locale.split('-')[0] ?? '';
  return isLanguage(own) ? own : (LANGUAGE_CODES[0] ?? 'en');
}
