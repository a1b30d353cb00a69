import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ContactField, checkContact, checkContactField, contactStore, normalizeContact } from './contact';

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

describe('one spelling', () => {
  test.each([
    '+436601234567',
    '+43 660 1234567',
    ' +43-660/123.45.67 ',
    '\u202a+43 660 1234567\u202c',
    '＋٤٣٦٦٠١٢٣٤٥٦٧',
  ])('of the phone number %s', (phone) => {
    expect(normalizeContact({ ...ana, phone }).phone).toBe('+436601234567');
  });

  test.each(['+43 1 23456 ext. 7', '+39 (0)6 1234567', '+43 1 23456;77'])('is left to the daemon for %s', (phone) => {
    expect(normalizeContact({ ...ana, phone }).phone).toBe(phone);
  });

  test.each(['ａｎａ＠example.com', '\u200bana@example.com\ufeff'])('of the email %s', (email) => {
    expect(checkContact({ ...ana, email })).toEqual({});
    expect(normalizeContact({ ...ana, email }).email).toBe('ana@example.com');
  });

  test('of name and email', () => {
    expect(normalizeContact({ name: ' Jose\u0301\u00a0 Berg\t', email: ' Ana@EXAMPLE.com', phone: '' })).toEqual({
      name: 'José Berg',
      email: 'Ana@example.com',
    });
  });
});

test.each([
  ['name', 'x'.repeat(201)],
  ['email', `${'x'.repeat(250)}@example.com`],
  ['phone', `+43${' '.repeat(99)}660`],
] as const)('a %s that is too long is refused in words, not cut', (field, text) => {
  expect(checkContact({ ...ana, [field]: text })).toMatchObject({ [field]: { code: `${field}_long` } });
});

const { cases } = JSON.parse(readFileSync('../tests/vectors/contact.json', 'utf8')) as {
  cases: { field: ContactField; typed: string; kept: string | null; page?: string }[];
};

test.each(cases)('as the daemon: $field $typed', ({ field, typed, kept, page }) => {
  expect(checkContactField(field, typed)?.code).toBe(page);
  if (kept !== null) expect(normalizeContact({ ...ana, [field]: typed })[field]).toBe(kept);
});

test('details are kept for this tab only', () => {
  contactStore.set(ana);

  expect(contactStore.get()).toEqual(ana);
  expect(localStorage).toHaveLength(0);
});
