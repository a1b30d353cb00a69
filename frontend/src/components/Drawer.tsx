/** A modal panel at the edge of the window, or the whole screen on a phone. The dialog handles focus and Escape. */

import { type ReactNode, useLayoutEffect, useRef } from 'react';
import { useTexts } from '@/texts/language';
import { Icon } from './Icon';

interface DrawerProps {
  readonly open: boolean;
  readonly title: string;
  /** Shown on top of the title. */
  readonly banner?: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Drawer({ open, title, banner, onClose, children }: DrawerProps) {
  const { texts } = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);

  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
  }, [open]);

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the keyboard's way; the click is only on the backdrop.
    <dialog
      ref={dialog}
      className="drawer"
      aria-labelledby="drawer-title"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="drawer-panel">
        <header className="drawer-header">
          <h2 id="drawer-title" tabIndex={-1}>
            {title}
          </h2>
          {banner}
          <button type="button" className="icon-button" aria-label={texts.cart.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
