/** The field for a discount code; an empty one takes the code away. */

import { useEffect, useState } from 'react';
import { Field } from '@/components/Field';
import type { Fault } from '@/lib/faults';
import { useTexts } from '@/texts/language';

interface DiscountFormProps {
  /** The cart's code, which another tab may change. */
  readonly applied: string;
  /** Of the applied code: gone as soon as another is typed. */
  readonly error: Fault | undefined;
  /** Hears what is typed, applied or not. */
  readonly onDraft: (draft: string) => void;
  readonly onApply: () => void;
}

export function DiscountForm({ applied, error, onDraft, onApply }: DiscountFormProps) {
  const { texts } = useTexts();
  // Kept here, and not above: typing draws nothing but this field.
  const [draft, setDraft] = useState(applied);
  useEffect(() => setDraft(applied), [applied]);

  function change(typed: string) {
    setDraft(typed);
    onDraft(typed);
  }

  return (
    <form
      className="discount"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onApply();
      }}
    >
      <Field
        id="discount"
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        value={draft}
        error={draft.trim() === applied ? error : undefined}
        onChange={(event) => change(event.target.value)}
      />
      <button type="submit" className="button button-quiet">
        {texts.cart.apply}
      </button>
    </form>
  );
}
