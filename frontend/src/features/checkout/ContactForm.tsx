/** Name, email and phone: checked on leaving a field, and again by the daemon. */

import { type FormEvent, useSyncExternalStore } from 'react';
import { Field } from '@/components/Field';
import type { Fault, FieldErrors } from '@/lib/faults';
import { useTexts } from '@/texts/language';
import { shop } from '@/lib/shop';
import { CONTACT_FIELDS, type ContactField, contactStore } from './contact';
import { phoneLibrary } from './phone';

// No field has a maxLength, because browsers silently cut pasted text. Text that is too long gets an error instead.
const INPUTS = {
  name: { type: 'text', autoComplete: 'name' },
  email: { type: 'email', autoComplete: 'email', inputMode: 'email', spellCheck: false },
  phone: { type: 'tel', autoComplete: 'tel', inputMode: 'tel' },
} as const;

interface ContactFormProps {
  /** Lets a button outside the form submit it. */
  readonly id: string;
  readonly errors: FieldErrors;
  /** The field whose error appeared when it was left: the focus is elsewhere. */
  readonly left: ContactField | undefined;
  readonly onChange: (field: ContactField, value: string) => void;
  readonly onLeave: (field: ContactField) => void;
  readonly onSubmit: () => void;
}

export function ContactForm({ id, errors, left, onChange, onLeave, onSubmit }: ContactFormProps) {
  function submit(event: FormEvent) {
    event.preventDefault();
    onSubmit();
  }

  return (
    <form id={id} className="contact" noValidate onSubmit={submit}>
      {CONTACT_FIELDS.map((field) => (
        <ContactInput
          key={field}
          field={field}
          error={errors[field]}
          announced={left === field}
          onChange={onChange}
          onLeave={onLeave}
        />
      ))}
    </form>
  );
}

interface ContactInputProps {
  readonly field: ContactField;
  readonly error: Fault | undefined;
  readonly announced: boolean;
  readonly onChange: (field: ContactField, value: string) => void;
  readonly onLeave: (field: ContactField) => void;
}

/** Reads its own value, so that typing renders only this field. */
function ContactInput({ field, error, announced, onChange, onLeave }: ContactInputProps) {
  const { texts, say } = useTexts();
  const required = field !== 'phone' || shop.phone !== 'optional';
  const value = useSyncExternalStore(contactStore.subscribe, () => contactStore.get()[field]);
  return (
    <Field
      id={field}
      name={field}
      {...INPUTS[field]}
      {...(field === 'phone' ? { hint: shop.country ? texts.checkout.phoneHintHere : texts.checkout.phoneHint } : {})}
      required={required}
      label={required ? texts.fields[field] : say(texts.checkout.optional, { field: texts.fields[field] })}
      onFocus={() => {
        if (field === 'phone') void phoneLibrary.load().catch(() => undefined); // the daemon reads numbers, too
      }}
      value={value}
      error={error}
      announced={announced}
      onChange={(event) => onChange(field, event.target.value)}
      onBlur={() => onLeave(field)}
    />
  );
}
