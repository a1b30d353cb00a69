/** A quantity field: the cart takes every whole number in range; anything else shows an error. */

import { useRef, useState } from 'react';
import { asciiDigits } from '@/lib/digits';
import { MAXIMUM_QUANTITY } from '@/lib/pricing/lines';

interface QuantityInputProps {
  readonly label: string;
  readonly quantity: number;
  readonly describedBy: string | undefined;
  /** The last input was refused; Checkout waits until the shopper has seen it. */
  readonly refused: boolean;
  readonly onQuantity: (quantity: number) => void;
  /** Called when the field is left: with the input if it is not a quantity, else with undefined. */
  readonly onRefused: (typed: string | undefined) => void;
}

export function QuantityInput({ label, quantity, describedBy, refused, onQuantity, onRefused }: QuantityInputProps) {
  const [draft, setDraft] = useState<string>();
  const before = useRef(quantity); // typing 1000 passes through 100

  function change(text: string) {
    setDraft(text);
    onRefused(undefined);
    const typed = readQuantity(text);
    if (typed !== undefined) onQuantity(typed);
  }

  function leave() {
    const wrong = draft?.trim() && readQuantity(draft) === undefined ? draft.trim() : undefined;
    if (wrong) onQuantity(before.current);
    onRefused(wrong);
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
      data-refused={refused || undefined}
      onFocus={(event) => {
        before.current = quantity;
        event.target.select();
      }}
      onBlur={leave}
    />
  );
}

/** 2, ` 2 `, ２, 2.0, 2,0 and 2e0 are the same number. 1.000 is refused: it is a thousand here, one there. */
export function readQuantity(text: string): number | undefined {
  const plain = asciiDigits(text).trim();
  if (!/^\+?\d+([.,]0{0,2})?(e\+?\d)?$/i.test(plain)) return undefined;
  const quantity = Number(plain.replace(',', '.'));
  return Number.isInteger(quantity) && quantity >= 1 && quantity <= MAXIMUM_QUANTITY ? quantity : undefined;
}
