import { describe, expect, test } from 'vitest';
import de from '../../../checkout_daemon/shop/texts/de.json';
import en from '../../../checkout_daemon/shop/texts/en.json';
import { faultText } from './faultText';
import { formatMoney } from '@/lib/money';
import { laterText } from './laterText';
import { fill, type Text, type Texts, type Values } from './texts';

test('the names that scripts from outside use are exactly these', () => {
  const { catalog, cart, checkout, fields, order } = en;

  expect([catalog.add, cart.open, cart.apply, checkout.submit, checkout.tryAgain]).toEqual([
    'Add to cart',
    'Open cart',
    'Apply',
    'Checkout',
    'Try again',
  ]);
  expect(fields).toMatchObject({ discount: 'Discount code', name: 'Name', email: 'Email', phone: 'Phone' });
  expect([order.thanks, order.processing, order.notCompleted]).toEqual([
    'Thank you',
    'Payment processing',
    'Payment not completed',
  ]);
});

test('German has every text, none of them forgotten in English, and none is empty', () => {
  const english = new Map(leaves(en));
  const german = leaves(de);

  expect(german.map(([path]) => path).sort()).toEqual([...english.keys()].sort());
  expect(german.filter(([path, text]) => text === english.get(path)).map(([path]) => path)).toEqual([
    '.language.direction',
    '.fields.name',
  ]);
  expect(german.filter(([, text]) => !text?.trim())).toEqual([]);
});

describe('a text', () => {
  test('is filled with its values, whatever they contain', () => {
    expect(fill('{typed} of {most}', { typed: '{most} $&', most: 9 }, 'en')).toBe('{most} $& of 9');
  });

  test('has the plural form of its language', () => {
    const items = { one: '{count} rzecz', few: '{count} rzeczy', many: '{count} rzeczy (wiele)', other: 'inne' };

    expect([1, 2, 5, 22, 1.5].map((count) => fill(items, { count }, 'pl'))).toEqual([
      '1 rzecz',
      '2 rzeczy',
      '5 rzeczy (wiele)',
      '22 rzeczy',
      'inne',
    ]);
  });

  test('has the form for every other number where a language lacks one', () => {
    expect(fill({ one: 'one', other: '{count} things' }, { count: 2 }, 'pl')).toBe('2 things');
  });
});

describe('a fault', () => {
  const unknownCode = { code: 'discount_unknown', detail: 'This discount code does not exist.' };

  test('that the shop has a text for is shown in that text', () => {
    expect(faultText(read(de as Texts), unknownCode)).toBe('Diesen Rabattcode gibt es nicht.');
  });

  test('is shown in the daemon’s English text, which may name the code and the amount', () => {
    expect(faultText(read(en as Texts), unknownCode)).toBe('This discount code does not exist.');
  });

  test('names the amount that it is about, as the shopper’s locale writes it', () => {
    const fault = { code: 'discount_minimum', detail: 'only for €100.00 or more', amount: 10_000, currency: 'eur' };
    expect(faultText(read(de as Texts), fault)).toBe(
      'Dieser Rabattcode gilt erst ab einem Bestellwert von 100,00\u00a0€.',
    );
    expect(faultText(read(de as Texts), { code: fault.code, detail: fault.detail })).toBe(fault.detail);
    expect(faultText(read(de as Texts), { code: 'discount_currency', detail: '', currency: 'usd' })).toBe(
      'Dieser Rabattcode gilt nur für Zahlungen in USD.',
    );
  });

  test('names how long to wait, in the words of the language', () => {
    const fault = { code: 'discount_busy', detail: '', waitSeconds: 61 };
    expect(faultText(read(de as Texts), fault)).toMatch(/versuchen Sie es in 2\sMinuten erneut/);
    expect(laterText(read(de as Texts), { reason: 'busy', waitSeconds: undefined })).toMatch(/warten Sie 1\sMinute\./);
  });

  test('of a kind nobody knows yet keeps the daemon’s words', () => {
    expect(faultText(read(de as Texts), { code: 'toString', detail: 'something new' })).toBe('something new');
  });
});

function read(texts: Texts) {
  return {
    texts,
    language: 'de',
    say: (text: Text, values: Values) => fill(text, values, 'de'),
    money: (amount: number, currency: string) => formatMoney(amount, currency, 'de'),
  };
}

/** Return every text with its path; null stands for the daemon's own text. */
function leaves(value: unknown, path = ''): [path: string, text: string | null][] {
  if (typeof value === 'string' || value === null) return [[path, value]];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, child]) => leaves(child, `${path}.${key}`));
}
