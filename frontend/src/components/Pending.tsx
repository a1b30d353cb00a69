/** In place of a part of the page that is being loaded, or could not be. */

import { useTexts } from '@/texts/language';
import { Notice } from './Notice';

interface PendingProps {
  /** Absent while it is being loaded. */
  readonly retry?: (() => void) | undefined;
}

export function Pending({ retry }: PendingProps) {
  const { texts } = useTexts();
  if (!retry) {
    return (
      <p className="pending" role="status">
        {texts.chunk.loading}
      </p>
    );
  }
  return (
    <div className="pending">
      <Notice bad action={texts.checkout.tryAgain} onAction={retry}>
        {texts.chunk.failed}
      </Notice>
    </div>
  );
}
