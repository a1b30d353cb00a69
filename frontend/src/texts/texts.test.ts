import { describe, expect, test } from 'vitest';
import { de } from './de';
import { en } from './en';
import { faultText } from './faultText';

test('the names that scripts from outside use are exactly these', () => {
  const { catalog, cart, checkout, fields, order } = en;

  expect([catalog.add, cart.open, cart.apply, checkout.submit, checkout.tryAgain]).toEqual([
    'Add to cart',
    'Open cart',
    'Apply',
    'Checkout',
    'Try again',
  ]);
  expect(fields).toEqual({ discount: 'Discount code', name: 'Name', email: 'Email', phone: 'Phone' });
  expect([order.thanks, order.processing, order.notCompleted]).toEqual([
    'Thank you',
    'Payment processing',
    'Payment not completed',
  ]);
});

test('no German text was forgotten in English, and none is empty', () => {
  const english = leaves(en);
  const same = leaves(de).filter(([path, text]) => text === english.find(([other]) => other === path)?.[1]);

  expect(same.map(([path]) => path)).toEqual(['.fields.name']);
  expect(leaves(de).filter(([, text]) => !text.trim())).toEqual([]);
});

describe('a fault', () => {
  const unknownCode = { code: 'discount_unknown', detail: 'This discount code does not exist.' };

  test('that the shop has a text for is shown in that text', () => {
    expect(faultText(de, unknownCode)).toBe('Diesen Rabattcode gibt es nicht.');
  });

  test('is shown in the daemon’s English text, which may name the code and the amount', () => {
    expect(faultText(en, unknownCode)).toBe('This discount code does not exist.');
  });

  test('of a kind nobody knows yet keeps the daemon’s words', () => {
    expect(faultText(de, { code: 'toString', detail: 'something new' })).toBe('something new');
  });
});

/** Return every text with its path; functions are called with sample arguments. */
function leaves(value: unknown, path = ''): [path: string, text: string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') return [[path, String(value('1', '2'))]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .filter(([key]) => key !== 'language' || path !== '')
    .flatMap(([key, child]) => leaves(child, `${path}.${key}`));
}
