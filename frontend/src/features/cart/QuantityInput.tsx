/** A quantity that can be typed: the cart changes with every whole number in range; what is none is refused in words. */

import { useState } from 'react';
import { asciiDigits } from '@/lib/digits';
import { MAXIMUM_QUANTITY } from '@/lib/pricing/lines';

interface QuantityInputProps {
  readonly label: string;
  readonly quantity: number;
  readonly describedBy: string | undefined;
  readonly onQuantity: (quantity: number) => void;
  /** Hears what was typed and is no quantity when the field is left, and undefined once another one is typed. */
  readonly onRefused: (typed: string | undefined) => void;
}

export function QuantityInput({ label, quantity, describedBy, onQuantity, onRefused }: QuantityInputProps) {
  const [draft, setDraft] = useState<string>();

  function change(text: string) {
    setDraft(text);
    onRefused(undefined);
    const typed = readQuantity(text);
    if (typed !== undefined) onQuantity(typed);
  }

  function leave() {
    if (draft?.trim() && readQuantity(draft) === undefined) onRefused(draft.trim());
    setDraft(undefined);
  }

  return (
    <input
      className="quantity"
      inputMode="numeric"
      autoComplete="off"
      aria-label={label}
      aria-invalid={describedBy ? true : undefined}
      aria-describedby={describedBy}
      value={draft ?? quantity}
      onChange={(event) => change(event.target.value)}
      onFocus={(event) => event.target.select()}
      onBlur={leave}
    />
  );
}

/** 2, ` 2 `, ２, 2.0, 2,0 and 2e0 are the same number. 1.000 is not read: it means a thousand here, one there. */
export function readQuantity(text: string): number | undefined {
  const plain = asciiDigits(text).trim();
  if (!/^\+?\d+([.,]0{0,2})?(e\+?\d)?$/i.test(plain)) return undefined;
  const quantity = Number(plain.replace(',', '.'));
  return Number.isInteger(quantity) && quantity >= 1 && quantity <= MAXIMUM_QUANTITY ? quantity : undefined;
}
