/** Offer to undo a removal. Takes the focus, because the button that had it is gone. */

import { useEffect, useRef } from 'react';
import { useTexts } from '@/texts/language';

interface UndoBarProps {
  readonly name: string;
  readonly onUndo: () => void;
  /** Called with true while the offer has the focus or the pointer. */
  readonly onHold: (held: boolean) => void;
}

export function UndoBar({ name, onUndo, onHold }: UndoBarProps) {
  const { texts, say } = useTexts();
  const button = useRef<HTMLButtonElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each removal is a new offer.
  useEffect(() => button.current?.focus(), [name]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only notes whether the offer has the pointer.
    <div
      className="undo"
      onFocus={() => onHold(true)}
      onBlur={() => onHold(false)}
      onPointerEnter={() => onHold(true)}
      onPointerLeave={() => onHold(document.activeElement === button.current)}
    >
      <p className="undo-text" role="status">
        {say(texts.cart.removed, { name })}
      </p>
      <button ref={button} type="button" className="button button-quiet" onClick={onUndo}>
        {texts.cart.undo}
      </button>
    </div>
  );
}
