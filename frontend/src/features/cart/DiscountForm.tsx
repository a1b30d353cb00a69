/** The discount code: a field for one, or the one that counts with what it takes off and a button to remove it. */

import { useEffect, useRef, useState } from 'react';
import { Field } from '@/components/Field';
import { Icon } from '@/components/Icon';
import type { Fault } from '@/lib/faults';
import { useTexts } from '@/texts/language';

interface DiscountFormProps {
  /** The cart's code. Another tab may change it. */
  readonly applied: string;
  /** The code that takes something off, and how much, in words; undefined if none does. */
  readonly accepted: { readonly code: string; readonly amount: string } | undefined;
  /** The error of the applied code; hidden as soon as another code is typed. */
  readonly error: Fault | undefined;
  /** Called with what is typed, applied or not. */
  readonly onDraft: (draft: string) => void;
  readonly onApply: () => void;
}

export function DiscountForm({ applied, accepted, error, onDraft, onApply }: DiscountFormProps) {
  const { texts, say } = useTexts();
  const place = useRef<HTMLDivElement>(null);
  // State is kept here and not higher up, so that typing renders only this field.
  const [draft, setDraft] = useState(applied);
  useEffect(() => setDraft(applied), [applied]);

  // The button that was pressed is gone: what took its place gets the focus.
  const shown = accepted !== undefined;
  const pressed = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is about the moment when one takes the other's place.
  useEffect(() => {
    if (pressed.current && isLost(document.activeElement)) {
      place.current?.querySelector<HTMLElement>('input, button')?.focus();
    }
    pressed.current = false;
  }, [shown]);

  function change(typed: string) {
    setDraft(typed);
    onDraft(typed);
  }

  function apply() {
    pressed.current = true;
    onApply();
  }

  return (
    <div ref={place}>
      {accepted ? (
        <p className="chip">
          <Icon name="check" />
          <span>{say(texts.cart.discountApplied, accepted)}</span>
          <button
            type="button"
            className="text-button"
            aria-label={say(texts.cart.removeCode, accepted)}
            onClick={() => {
              change('');
              apply();
            }}
          >
            {texts.cart.remove}
          </button>
        </p>
      ) : (
        <form
          className="discount"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            apply();
          }}
        >
          <Field
            id="discount"
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            value={draft}
            error={draft.trim() === applied ? error : undefined}
            announced
            onChange={(event) => change(event.target.value)}
          />
          <button type="submit" className="button button-quiet">
            {texts.cart.apply}
          </button>
        </form>
      )}
    </div>
  );
}

/** Return whether the element with the focus has left the page. */
function isLost(active: Element | null): boolean {
  return active === null || active === document.body || active instanceof HTMLDialogElement;
}
