/** What is wrong with the shopper's details. The details themselves are the form's: typing draws nothing but the form. */

import { useState } from 'react';
import type { FieldErrors } from '@/lib/faults';
import { type ContactField, checkContact, checkContactField, contactStore } from './contact';

export interface ContactState {
  readonly errors: FieldErrors;
  readonly change: (field: ContactField, value: string) => void;
  readonly leave: (field: ContactField) => void;
  /** Checks everything, shows what is wrong and gives it back. */
  readonly check: () => FieldErrors;
  /** Shows faults that the daemon found. */
  readonly show: (errors: FieldErrors) => void;
}

export function useContact(): ContactState {
  const [errors, setErrors] = useState<FieldErrors>({});

  function change(field: ContactField, value: string) {
    contactStore.update((contact) => ({ ...contact, [field]: value }));
    // The same object where there is nothing to mend, so that nothing is drawn again.
    setErrors((shown) => {
      const { [field]: mended, ...others } = shown;
      return mended ? others : shown;
    });
  }

  function leave(field: ContactField) {
    const value = contactStore.get()[field];
    if (!value.trim()) return; // not yet filled in is not yet wrong
    const error = checkContactField(field, value);
    if (error) setErrors((others) => ({ ...others, [field]: error }));
  }

  function check(): FieldErrors {
    const found = checkContact(contactStore.get());
    setErrors(found);
    return found;
  }

  return { errors, change, leave, check, show: setErrors };
}
