import { expect, test } from 'vitest';
import { asciiDigits } from './digits';

test.each([
  ['12', '12'],
  ['１２', '12'],
  ['٤٣', '43'],
  ['۴۳', '43'],
  ['९', '9'],
  ['𝟗𝟬', '90'],
  ['+43 a', '+43 a'],
])('%s is %s', (text, digits) => {
  expect(asciiDigits(text)).toBe(digits);
});
