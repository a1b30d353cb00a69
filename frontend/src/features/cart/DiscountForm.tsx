/** The field for a discount code; an empty one takes the code away. */

import { Field } from '@/components/Field';
import type { Fault } from '@/lib/faults';
import { useTexts } from '@/texts/language';

interface DiscountFormProps {
  /** What is typed, applied or not. */
  readonly draft: string;
  readonly error: Fault | undefined;
  readonly onDraft: (draft: string) => void;
  readonly onApply: () => void;
}

export function DiscountForm({ draft, error, onDraft, onApply }: DiscountFormProps) {
  const { texts } = useTexts();
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
        maxLength={64}
        value={draft}
        error={error}
        onChange={(event) => onDraft(event.target.value)}
      />
      <button type="submit" className="button button-quiet">
        {texts.cart.apply}
      </button>
    </form>
  );
}
