import { beforeAll, describe, expect, test } from 'vitest';
import { normalizePhone, phoneFault, phoneLibrary } from './phone';

beforeAll(() => phoneLibrary.load());

describe('a number as people of the shop’s country write it', () => {
  test.each([
    ['0660 1234567', 'AT', '+436601234567'],
    ['0043 660 1234567', 'AT', '+436601234567'],
    ['+43 (0)660 123-45-67', 'AT', '+436601234567'],
    ['0151 23456789', 'DE', '+4915123456789'],
    ['(415) 555-2671', 'US', '+14155552671'],
    ['1-415-555-2671', 'US', '+14155552671'],
    ['07911 123456', 'GB', '+447911123456'],
    ['06 1234 5678', 'IT', '+390612345678'],
    ['+39 (0)6 12345678', 'AT', '+390612345678'],
    ['٠٦٦٠ ١٢٣٤٥٦٧', 'AT', '+436601234567'],
    ['+44 7911 123456', 'AT', '+447911123456'],
    ['+44 7911 123456', undefined, '+447911123456'],
    ['0044 7911 123456', undefined, '+447911123456'],
  ])('%s in %s is %s', (typed, country, number) => {
    expect(phoneFault(typed, country)).toBeNull();
    expect(normalizePhone(typed, country)).toBe(number);
  });
});

describe('what is wrong with a number', () => {
  test.each([
    ['0660 1234567', undefined, 'phone_country'],
    ['+43', 'AT', 'phone_shape'],
    ['call me', 'AT', 'phone_shape'],
    ['+43 660', 'AT', 'phone_short'],
    ['+43 660 12345678901234567', 'AT', 'phone_long'],
    ['+999 123456', 'AT', 'phone_unknown_country'],
  ])('%s in %s: %s', (typed, country, code) => {
    expect(phoneFault(typed, country)).toBe(code);
  });
});

test('without the library a number is left to the daemon as it was typed', () => {
  expect(phoneFault('0660 1234567', 'AT', null)).toBeNull();
  expect(normalizePhone('+43 660 1234567', 'AT', null)).toBe('+436601234567');
});
