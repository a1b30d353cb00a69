/** A short message over the bottom of the page, so that nothing moves when it appears or disappears. */

import type { ReactNode } from 'react';
import { Icon } from '@/components/Icon';
import { keepFocus } from '@/components/keepFocus';
import { useTexts } from '@/texts/language';

interface ToastProps {
  /** Undefined shows nothing. */
  readonly children: ReactNode;
  readonly onDismiss: () => void;
}

export function Toast({ children, onDismiss }: ToastProps) {
  const { texts } = useTexts();
  return (
    <div className="toast-place" role="status">
      {children ? (
        <div className="toast">
          <p>{children}</p>
          <button
            ref={keepFocus}
            type="button"
            className="icon-button"
            aria-label={texts.shop.dismiss}
            onClick={onDismiss}
          >
            <Icon name="close" />
          </button>
        </div>
      ) : null}
    </div>
  );
}
