/** Who buys: kept while the tab lives, so that a reload or the way back from the payment page loses nothing. */

import type { Customer } from '@/lib/api';
import type { FieldErrors } from '@/lib/faults';
import { isRecord, stored } from '@/lib/storage';

export type ContactField = keyof Customer;

export const CONTACT_FIELDS: readonly ContactField[] = ['name', 'email', 'phone'];

export const contactStore = stored<Customer>(() => sessionStorage, 'checkout.contact', readContact);

/** What is plainly wrong, in words; the daemon has the last say. */
export function checkContact(contact: Customer): FieldErrors {
  const errors: Partial<Record<ContactField, string>> = {};
  for (const field of CONTACT_FIELDS) {
    const error = checkContactField(field, contact[field]);
    if (error) errors[field] = error;
  }
  return errors;
}

export function checkContactField(field: ContactField, value: string): string | undefined {
  const text = value.trim();
  switch (field) {
    case 'name':
      return text ? undefined : 'Please enter your name.';
    case 'email':
      if (!text) return 'Please enter an address to reach you at.';
      return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text)
        ? undefined
        : 'Please enter an address such as ana@example.com.';
    case 'phone':
      if (!text) return 'Please enter a number, such as +43 660 1234567.';
      return /^\+[\d\s().\-/]{6,}$/.test(text) ? undefined : 'Please start with + and the country code.';
  }
}

function readContact(raw: unknown): Customer {
  const record = isRecord(raw) ? raw : {};
  const text = (field: ContactField) => (typeof record[field] === 'string' ? record[field] : '');
  return { name: text('name'), email: text('email'), phone: text('phone') };
}
