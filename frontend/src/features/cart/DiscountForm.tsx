/** The field for a discount code; an empty one takes the code away. */

import { Field } from '@/components/Field';

interface DiscountFormProps {
  /** What is typed, applied or not. */
  readonly draft: string;
  readonly error: string | undefined;
  readonly onDraft: (draft: string) => void;
  readonly onApply: () => void;
}

export function DiscountForm({ draft, error, onDraft, onApply }: DiscountFormProps) {
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
        Apply
      </button>
    </form>
  );
}
