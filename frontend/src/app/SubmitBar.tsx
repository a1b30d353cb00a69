/** The button that starts the payment, and the message while the answer is pending. */

import { useEffect, useState } from 'react';
import { useTexts } from '@/texts/language';

const SLOW_AFTER_MS = 6_000;

interface SubmitBarProps {
  /** The id of the form it submits. */
  readonly form: string;
  readonly sending: boolean;
  /** There is nothing to pay. */
  readonly free: boolean;
}

export function SubmitBar({ form, sending, free }: SubmitBarProps) {
  const { texts } = useTexts();
  const [slow, setSlow] = useState(false);

  useEffect(() => {
    if (!sending) return;
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS);
    return () => {
      clearTimeout(timer);
      setSlow(false);
    };
  }, [sending]);

  return (
    <>
      <button type="submit" form={form} className="button button-wide" aria-disabled={sending}>
        {texts.checkout.submit}
      </button>
      <p className="fine-print" role="status">
        {sending
          ? slow
            ? texts.checkout.slow
            : texts.checkout.sending
          : free
            ? texts.checkout.finePrintFree
            : texts.checkout.finePrint}
      </p>
    </>
  );
}
