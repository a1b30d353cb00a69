/** Who buys: kept while the tab lives, so that a reload or the way back from the payment page loses nothing. */

import type { Customer } from '@/lib/api';
import type { Fault, FieldErrors } from '@/lib/faults';
import { isRecord, stored } from '@/lib/storage';
import type { FaultCode } from '@/texts/faultCodes';

export type ContactField = keyof Customer;

export const CONTACT_FIELDS: readonly ContactField[] = ['name', 'email', 'phone'];

export const contactStore = stored<Customer>(() => sessionStorage, 'checkout.contact', readContact);

/** What is plainly wrong; the daemon has the last say. */
export function checkContact(contact: Customer): FieldErrors {
  const errors: Partial<Record<ContactField, Fault>> = {};
  for (const field of CONTACT_FIELDS) {
    const error = checkContactField(field, contact[field]);
    if (error) errors[field] = error;
  }
  return errors;
}

export function checkContactField(field: ContactField, value: string): Fault | undefined {
  const text = value.trim();
  switch (field) {
    case 'name':
      return text ? undefined : fault('name_missing');
    case 'email':
      if (!text) return fault('email_missing');
      return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text) ? undefined : fault('email_shape');
    case 'phone':
      if (!text) return fault('phone_missing');
      // No stricter than the daemon: pasted numbers bring invisible marks, long dashes and extensions along.
      return /^[^\p{L}\p{N}]*[+＋](\P{Nd}*\p{Nd}){6}/u.test(text) ? undefined : fault('phone_shape');
  }
}

function fault(code: FaultCode): Fault {
  return { code, detail: '' };
}

function readContact(raw: unknown): Customer {
  const record = isRecord(raw) ? raw : {};
  const text = (field: ContactField) => (typeof record[field] === 'string' ? record[field] : '');
  return { name: text('name'), email: text('email'), phone: text('phone') };
}
