/** The faults in the shopper's details. The form keeps the details themselves, so that typing renders only the form. */

import { useState } from 'react';
import type { FieldErrors, FieldId } from '@/lib/faults';
import { type ContactField, checkContact, checkContactField, contactStore } from './contact';

export interface ContactState {
  readonly errors: FieldErrors;
  /** The field whose error appeared when it was left. Others appear all at once, and the first gets the focus. */
  readonly left: ContactField | undefined;
  readonly change: (field: ContactField, value: string) => void;
  readonly leave: (field: ContactField) => void;
  /** Check everything, show the faults and return them. */
  readonly check: () => FieldErrors;
  /** Hide the fault of a field that is being changed. */
  readonly clear: (field: FieldId) => void;
  /** Show faults that the daemon found. */
  readonly show: (errors: FieldErrors) => void;
}

export function useContact(): ContactState {
  const [errors, setErrors] = useState<FieldErrors>({});
  const [left, setLeft] = useState<ContactField>();

  function change(field: ContactField, value: string) {
    contactStore.update((contact) => ({ ...contact, [field]: value }));
    clear(field);
  }

  function clear(field: FieldId) {
    // Return the same object if nothing changes, so that nothing is rendered again.
    setErrors((shown) => {
      const { [field]: fault, ...others } = shown;
      return fault ? others : shown;
    });
  }

  function leave(field: ContactField) {
    const value = contactStore.get()[field];
    if (!value.trim()) return; // an empty field is no fault yet
    const error = checkContactField(field, value);
    if (!error || errors[field]?.code === error.code) return; // it is shown already
    setErrors((others) => ({ ...others, [field]: error }));
    setLeft(field);
  }

  function check(): FieldErrors {
    const found = checkContact(contactStore.get());
    show(found);
    return found;
  }

  function show(found: FieldErrors) {
    setErrors(found);
    setLeft(undefined);
  }

  return { errors, left, change, leave, check, clear, show };
}
