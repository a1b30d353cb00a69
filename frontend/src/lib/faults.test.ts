import { expect, test } from 'vitest';
import { placeFaults } from './faults';

test('every fault goes to the field it is about', () => {
  const placed = placeFaults([
    { pointer: '/customer/email', code: 'invalid_email', detail: 'no such domain' },
    { pointer: '/customer/name', code: 'blank', detail: 'is blank' },
    { pointer: '/customer/phone', code: 'invalid_phone', detail: 'too short' },
    { pointer: '/discount_code', code: 'expired', detail: 'has expired' },
    { pointer: '/items/2/sku', code: 'unavailable', detail: 'is sold out' },
    { pointer: '/items/4/quantity', code: 'out_of_stock', detail: 'only 3', left: 3 },
    { pointer: '/items', code: 'too_many', detail: 'at most 100 lines' },
  ]);

  expect(placed).toEqual({
    fields: {
      email: { code: 'invalid_email', detail: 'no such domain' },
      name: { code: 'blank', detail: 'is blank' },
      phone: { code: 'invalid_phone', detail: 'too short' },
      discount: { code: 'expired', detail: 'has expired' },
    },
    lines: {
      2: { code: 'unavailable', detail: 'is sold out' },
      4: { code: 'out_of_stock', detail: 'only 3', left: 3 },
    },
    rest: [{ code: 'too_many', detail: 'at most 100 lines' }],
  });
});

test('the first fault of a field is the one shown', () => {
  const placed = placeFaults([
    { pointer: '/customer/phone', code: 'a', detail: 'first' },
    { pointer: '/customer/phone', code: 'b', detail: 'second' },
  ]);

  expect(placed.fields.phone).toEqual({ code: 'a', detail: 'first' });
});
