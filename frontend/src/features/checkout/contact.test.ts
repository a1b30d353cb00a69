import { describe, expect, test } from 'vitest';
import { checkContact, contactStore } from './contact';

const ana = { name: 'Ana Berg', email: 'ana@example.com', phone: '+43 660 1234567' };

describe('checkContact', () => {
  test('finds nothing wrong with a good one', () => {
    expect(checkContact(ana)).toEqual({});
  });

  test('asks for everything that is missing', () => {
    expect(Object.keys(checkContact({ name: ' ', email: '', phone: '' }))).toEqual(['name', 'email', 'phone']);
  });

  test.each(['ana', 'ana@example', 'ana@@example.com', 'a na@example.com', '@example.com'])(
    '%s is no address',
    (email) => {
      expect(checkContact({ ...ana, email })).toHaveProperty('email');
    },
  );

  test.each(['0660 1234567', '+43', 'call me'])('%s is no international number', (phone) => {
    expect(checkContact({ ...ana, phone })).toHaveProperty('phone');
  });

  test.each(['+43 (0)660 123-45-67', '+1 212.555.0100', '+442071838750'])('%s is one', (phone) => {
    expect(checkContact({ ...ana, phone })).toEqual({});
  });

  test.each(['\u202a+43 660 1234567\u202c', '(+43) 660‑123–4567', '+43 1 23456 ext. 7', '＋٤٣٦٦٠١٢٣٤٥٦٧'])(
    '%s, as pasted from elsewhere, is left to the daemon, which takes it',
    (phone) => {
      expect(checkContact({ ...ana, phone })).toEqual({});
    },
  );
});

test('details are kept for this tab only', () => {
  contactStore.set(ana);

  expect(contactStore.get()).toEqual(ana);
  expect(localStorage).toHaveLength(0);
});
