/** The customer's details, kept while the tab is open: a reload or a return from the payment page loses nothing. */

import type { Customer } from '@/lib/api';
import type { Fault, FieldErrors } from '@/lib/faults';
import { cleaned, isVisible, tidied } from '@/lib/clean';
import { asciiDigits } from '@/lib/digits';
import { isRecord, stored } from '@/lib/storage';
import type { FaultCode } from '@/texts/texts';

export type ContactField = keyof Customer;

export const CONTACT_FIELDS: readonly ContactField[] = ['name', 'email', 'phone'];

export const contactStore = stored<Customer>(() => sessionStorage, 'checkout.contact', readContact);

/** The longest that the daemon accepts, in characters. */
const LONGEST = { name: 200, email: 254, phone: 100 } as const satisfies Record<ContactField, number>;

/**
 * Normalize the details, so that the request and its key are the same however they were typed. The daemon knows more
 * about phone numbers: anything but digits in groups is left to it.
 */
export function normalizeContact({ name, email, phone }: Customer): Customer {
  const address = cleaned(email);
  const [, mailbox = '', domain = ''] = /^(.*)@(.*)$/s.exec(address) ?? [];
  return {
    name: tidied(name).normalize('NFC'),
    email: domain ? `${mailbox}@${domain.toLowerCase()}` : address,
    phone: normalizePhone(phone.trim()),
  };
}

function normalizePhone(phone: string): string {
  // (0) is a part of the number only in Italy.
  const number = asciiDigits(cleaned(phone)).replace(/[\s\p{Pd}.()/]/gu, '');
  return /^\+\d{6,15}$/.test(number) && !phone.includes('(0)') ? number : phone;
}

/** Return obvious faults; the daemon decides. */
export function checkContact(contact: Customer): FieldErrors {
  const errors: Partial<Record<ContactField, Fault>> = {};
  for (const field of CONTACT_FIELDS) {
    const error = checkContactField(field, contact[field]);
    if (error) errors[field] = error;
  }
  return errors;
}

export function checkContactField(field: ContactField, value: string): Fault | undefined {
  const text = (field === 'name' ? tidied : cleaned)(value);
  if (isLonger(text, LONGEST[field])) return fault(`${field}_long`);
  switch (field) {
    case 'name':
      return isVisible(text) ? undefined : fault('name_missing');
    case 'email':
      if (!text) return fault('email_missing');
      return /^[^\s@]+@[^\s@.。｡]+([.。｡][^\s@.。｡]+)+$/.test(text) ? undefined : fault('email_shape');
    case 'phone':
      if (!text) return fault('phone_missing');
      // No stricter than the daemon: pasted numbers contain invisible marks, long dashes and extensions.
      return /^[^\p{L}\p{N}]*[+＋](\P{Nd}*\p{Nd}){6}/u.test(text) ? undefined : fault('phone_shape');
  }
}

/** Count characters as the daemon does: a letter with its marks is one. */
function isLonger(text: string, most: number): boolean {
  return text.length > 4 * most || Array.from(text.normalize('NFC')).length > most;
}

function fault(code: FaultCode): Fault {
  return { code, detail: '' };
}

function readContact(raw: unknown): Customer {
  const record = isRecord(raw) ? raw : {};
  const text = (field: ContactField) => (typeof record[field] === 'string' ? record[field] : '');
  return { name: text('name'), email: text('email'), phone: text('phone') };
}
