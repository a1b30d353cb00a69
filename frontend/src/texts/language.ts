/** Which language the shopper reads: chosen in the footer, else the first that the browser asks for and we have. */

import { useSyncExternalStore } from 'react';
import { formatMoney } from '@/lib/money';
import { stored } from '@/lib/storage';
import { de } from './de';
import { en, type Texts } from './en';

const LANGUAGES = { en, de } as const satisfies Record<string, Texts>;

export type Language = keyof typeof LANGUAGES;

export const LANGUAGE_CODES = Object.keys(LANGUAGES) as readonly Language[];

const chosenStore = stored<Language | null>(
  () => localStorage,
  'checkout.language',
  (raw) => (typeof raw === 'string' && isLanguage(raw) ? raw : null),
);

/** Undoes nothing else: the cart and the details stay. */
export function chooseLanguage(language: Language): void {
  chosenStore.set(language);
}

export function textsOf(language: Language): Texts {
  return LANGUAGES[language];
}

export interface Reading {
  readonly language: Language;
  readonly texts: Texts;
  /** A tag such as de-AT: of the shopper's numbers, payment page and mails. */
  readonly locale: string | undefined;
  /** An amount in minor units as the shopper's locale writes it. */
  readonly money: (amount: number, currency: string) => string;
}

export function useTexts(): Reading {
  return useSyncExternalStore(subscribe, currentReading);
}

let reading: Reading | undefined;

/** The same object until language or locale change. */
function currentReading(): Reading {
  const chosen = chosenStore.get();
  const wanted = navigator.languages.flatMap(wellFormed).map((tag) => ({ tag, language: tag.split('-')[0] ?? '' }));
  const language = chosen ?? wanted.map((each) => each.language).find(isLanguage) ?? 'en';
  // Numbers keep the shopper's country (de-AT), and where we lack the language, all of the shopper's habits.
  const locale = wanted.find((each) => each.language === language)?.tag ?? chosen ?? wanted[0]?.tag;
  if (reading?.language !== language || reading.locale !== locale) {
    const money = (amount: number, currency: string) => formatMoney(amount, currency, locale);
    reading = { language, locale, texts: LANGUAGES[language], money };
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

/** The tag as Intl takes it, or nothing: where the system's locale is POSIX, Chromium names en-US@posix. */
function wellFormed(tag: string): string[] {
  try {
    return Intl.getCanonicalLocales(tag.split('@')[0]);
  } catch {
    return [];
  }
}

function isLanguage(code: string): code is Language {
  return Object.hasOwn(LANGUAGES, code);
}
