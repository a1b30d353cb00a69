/** The customer's details, kept while the tab is open: a reload or a return from the payment page loses nothing. */

import type { Customer } from '@/lib/api';
import { shop } from '@/lib/shop';
import type { Fault, FieldErrors } from '@/lib/faults';
import { cleaned, isVisible, tidied } from '@/lib/clean';
import { isRecord, stored } from '@/lib/storage';
import type { FaultCode } from '@/texts/texts';
import { normalizePhone, phoneFault } from './phone';

export type ContactField = keyof Customer;

/** As they are typed. */
export type Contact = Required<Customer>;

/** Those that the shop asks for. */
export const CONTACT_FIELDS: readonly ContactField[] =
  shop.phone === 'off' ? ['name', 'email'] : ['name', 'email', 'phone'];

export const contactStore = stored<Contact>(() => sessionStorage, 'checkout.contact', readContact);

/** The longest that the daemon accepts, in characters. */
const LONGEST = { name: 200, email: 254, phone: 100 } as const satisfies Record<ContactField, number>;

/** Normalize the details, so that the request and its key are the same however they were typed. */
export function normalizeContact({ name, email, phone }: Contact): Customer {
  const address = cleaned(email);
  const [, mailbox = '', domain = ''] = /^(.*)@(.*)$/s.exec(address) ?? [];
  return {
    name: tidied(name).normalize('NFC'),
    email: domain ? `${mailbox}@${domain.toLowerCase()}` : address,
    ...(CONTACT_FIELDS.includes('phone') && cleaned(phone) ? { phone: normalizePhone(phone, shop.country) } : {}),
  };
}

/** Return obvious faults; the daemon decides. */
export function checkContact(contact: Contact): FieldErrors {
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
    case 'phone': {
      if (!text) return shop.phone === 'optional' ? undefined : fault('phone_missing');
      const code = phoneFault(text, shop.country);
      return code ? fault(code) : undefined;
    }
  }
}

/** Count characters as the daemon does: a letter with its marks is one. */
function isLonger(text: string, most: number): boolean {
  return text.length > 4 * most || Array.from(text.normalize('NFC')).length > most;
}

function fault(code: FaultCode): Fault {
  return { code, detail: '' };
}

function readContact(raw: unknown): Contact {
  const record = isRecord(raw) ? raw : {};
  const text = (field: ContactField) => (typeof record[field] === 'string' ? record[field] : '');
  return { name: text('name'), email: text('email'), phone: text('phone') };
}
