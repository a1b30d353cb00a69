/** The type of a language's texts. English, which comes with the daemon, has every text. */

import type english from '../../../checkout_daemon/shop/texts/en.json';

/** A text that depends on a number, by the plural category of its language. */
export type Plural = { readonly other: string } & { readonly [category in Intl.LDMLPluralRule]?: string };

/** A text with {names}, which `fill` replaces. */
export type Text = string | Plural;

/** Every text of the shop in one language. */
export type Texts = Loose<typeof english>;

/** By code: the form's own faults, and those of the daemon's `errors[].code`. */
export type FaultCode = keyof typeof english.faults;

type Loose<T> = T extends string
  ? string
  : T extends null
    ? string | null // null stands for the daemon's own text, in English
    : T extends { other: string }
      ? Plural
      : T extends readonly string[]
        ? readonly string[]
        : { readonly [key in keyof T]: Loose<T[key]> };

export type Values = Readonly<Record<string, string | number>>;

/** Put the values into a text. Its plural form is that of `values.count` in the language with this tag. */
export function fill(text: Text, values: Values, tag: string): string {
  const form = typeof text === 'string' ? text : (text[pluralOf(Number(values['count']), tag)] ?? text.other);
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

const rules = new Map<string, Intl.PluralRules>();

function pluralOf(count: number, tag: string): Intl.LDMLPluralRule {
  const held = rules.get(tag) ?? new Intl.PluralRules(tag);
  rules.set(tag, held);
  return held.select(count);
}
