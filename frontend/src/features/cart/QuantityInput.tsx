/** A quantity that can be typed: the cart changes with every whole number in range, and a half-typed one is put back. */

import { useState } from 'react';
import { MAXIMUM_QUANTITY } from '@/lib/pricing/lines';

interface QuantityInputProps {
  readonly label: string;
  readonly quantity: number;
  readonly describedBy: string | undefined;
  readonly onQuantity: (quantity: number) => void;
}

export function QuantityInput({ label, quantity, describedBy, onQuantity }: QuantityInputProps) {
  const [draft, setDraft] = useState<string>();

  function change(text: string) {
    setDraft(text);
    const typed = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (typed >= 1 && typed <= MAXIMUM_QUANTITY) onQuantity(typed);
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
      onBlur={() => setDraft(undefined)}
    />
  );
}
