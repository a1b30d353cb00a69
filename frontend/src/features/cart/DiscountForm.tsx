/** The discount code field; submitting it empty removes the code. */

import { useEffect, useState } from 'react';
import { Field } from '@/components/Field';
import type { Fault } from '@/lib/faults';
import { useTexts } from '@/texts/language';

interface DiscountFormProps {
  /** The cart's code. Another tab may change it. */
  readonly applied: string;
  /** The error of the applied code; hidden as soon as another code is typed. */
  readonly error: Fault | undefined;
  /** Called with what is typed, applied or not. */
  readonly onDraft: (draft: string) => void;
  readonly onApply: () => void;
}

export function DiscountForm({ applied, error, onDraft, onApply }: DiscountFormProps) {
  const { texts } = useTexts();
  // State is kept here and not higher up, so that typing renders only this field.
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
