/** The shopper's details and what is wrong with them. */

import { useState, useSyncExternalStore } from 'react';
import type { Customer } from '@/lib/api';
import type { FieldErrors } from '@/lib/faults';
import { type ContactField, checkContact, checkContactField, contactStore } from './contact';

export interface ContactState {
  readonly contact: Customer;
  readonly errors: FieldErrors;
  readonly change: (field: ContactField, value: string) => void;
  readonly leave: (field: ContactField) => void;
  /** Checks everything, shows what is wrong and gives it back. */
  readonly check: () => FieldErrors;
  /** Shows faults that the daemon found. */
  readonly show: (errors: FieldErrors) => void;
}

export function useContact(): ContactState {
  const contact = useSyncExternalStore(contactStore.subscribe, contactStore.get);
  const [errors, setErrors] = useState<FieldErrors>({});

  function change(field: ContactField, value: string) {
    contactStore.set({ ...contact, [field]: value });
    setErrors(({ [field]: _mended, ...others }) => others);
  }

  function leave(field: ContactField) {
    if (!contact[field].trim()) return; // not yet filled in is not yet wrong
    const error = checkContactField(field, contact[field]);
    if (error) setErrors((others) => ({ ...others, [field]: error }));
  }

  function check(): FieldErrors {
    const found = checkContact(contact);
    setErrors(found);
    return found;
  }

  return { contact, errors, change, leave, check, show: setErrors };
}
