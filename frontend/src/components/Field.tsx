/** A labelled text field with a hint and at most one error, which names the field to make sense on its own. */

import type { InputHTMLAttributes } from 'react';
import type { Fault, FieldId } from '@/lib/faults';
import { faultText } from '@/texts/faultText';
import { useTexts } from '@/texts/language';

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'id'> {
  readonly id: FieldId;
  readonly error?: Fault | undefined;
  readonly hint?: string;
  /** Have screen readers read the error at once. Without it, they read it with the focus. */
  readonly announced?: boolean;
  /** The default is the field's name. */
  readonly label?: string;
}

export function Field({ id, error, announced = false, hint, label, ...input }: FieldProps) {
  const reading = useTexts();
  const { texts } = reading;
  const errorId = `${id}-error`;
  const hintId = `${id}-hint`;
  const described = error ? errorId : hint ? hintId : undefined;
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label ?? texts.fields[id]}
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
      {/* An alert is read out at once; without `announced` the field that has the focus is, with its error. */}
      {error ? (
        <p id={errorId} className="field-error" role="alert" aria-live={announced ? undefined : 'off'}>
          {texts.fields[id]}: {faultText(reading, error)}
        </p>
      ) : null}
    </div>
  );
}
