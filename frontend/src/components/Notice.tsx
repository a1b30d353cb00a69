/** A message in a box, with at most one button to act on it. */

import type { ReactNode } from 'react';
import { keepFocus } from './keepFocus';

interface NoticeProps {
  readonly children: ReactNode;
  readonly bad?: boolean;
  /** How urgently screen readers announce it. */
  readonly role?: 'alert' | 'status';
  /** The button's text. */
  readonly action?: string;
  readonly onAction?: () => void;
}

export function Notice({ children, bad = false, role = 'alert', action, onAction }: NoticeProps) {
  return (
    <div className={bad ? 'notice notice-bad' : 'notice'} role={role}>
      <p>{children}</p>
      {action ? (
        <button ref={keepFocus} type="button" className="button button-quiet" onClick={onAction}>
          {action}
        </button>
      ) : null}
    </div>
  );
}
