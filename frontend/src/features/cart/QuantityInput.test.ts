import { expect, test } from 'vitest';
import { readQuantity } from './QuantityInput';

test.each([' 2 ', '２', '٢', '2.0', '2,00', '2.', '002', '+2', '2e0'])('“%s” is two', (text) => {
  expect(readQuantity(text)).toBe(2);
});

test('1e1 is ten', () => {
  expect(readQuantity('1e1')).toBe(10);
});

test.each(['', '0', '-3', '2.5', '1000', '1.000', '1,000', '1e3', '2 3', 'abc', '½', '9'.repeat(400)])(
  '“%s” is no quantity',
  (text) => {
    expect(readQuantity(text)).toBeUndefined();
  },
);
