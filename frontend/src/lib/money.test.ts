import { describe, expect, test } from 'vitest';
import { formatMoney } from './money';

describe('formatMoney', () => {
  test('writes minor units with the decimals of the currency', () => {
    expect(formatMoney(123_456, 'eur', 'en-IE')).toBe('€1,234.56');
  });

  test('a currency without decimals is not divided', () => {
    expect(formatMoney(1234, 'jpy', 'en-US')).toBe('¥1,234');
  });

  test('three decimals are kept', () => {
    expect(formatMoney(1230, 'kwd', 'en-US')).toMatch(/^KWD\s1\.230$/);
  });

  // Intl alone would write these with other digits than Stripe counts in.
  test('Stripe counts Icelandic króna and Ugandan shilling in hundredths', () => {
    expect(formatMoney(50_000, 'isk', 'en-US')).toMatch(/^ISK\s500\.00$/);
    expect(formatMoney(50_000, 'ugx', 'en-US')).toMatch(/^UGX\s500\.00$/);
  });

  test('follows the locale', () => {
    expect(formatMoney(123_456, 'eur', 'de-DE')).toMatch(/^1\.234,56\s€$/);
  });

  test('zero is an amount too', () => {
    expect(formatMoney(0, 'EUR', 'en-IE')).toBe('€0.00');
  });
});
