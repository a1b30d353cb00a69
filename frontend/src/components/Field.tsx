/** A labelled text field with its hint and its one error, which names the field so that it makes sense read alone. */

import type { InputHTMLAttributes } from 'react';
import { FIELD_LABELS, type FieldId } from '@/lib/faults';

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'id'> {
  readonly id: FieldId;
  readonly error?: string | undefined;
  readonly hint?: string;
}

export function Field({ id, error, hint, ...input }: FieldProps) {
  const errorId = `${id}-error`;
  const hintId = `${id}-hint`;
  const described = error ? errorId : hint ? hintId : undefined;
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {FIELD_LABELS[id]}
      </label>
      <input
        id={id}
        className="field-input"
        aria-invalid={error ? true : undefined}
        aria-describedby={described}
        {...input}
      />
      {hint && !error ? (
        <p id={hintId} className="field-hint">
          {hint}
        </p>
      ) : null}
      {error ? <FieldError id={id} text={error} /> : null}
    </div>
  );
}

function FieldError({ id, text }: { readonly id: FieldId; readonly text: string }) {
  return (
    <p id={`${id}-error`} className="field-error" role="alert">
      {FIELD_LABELS[id]}: {text}
    </p>
  );
}
