/** The page for an unknown address. */

import { titleFor } from '@/lib/shop';
import { useTitle } from '@/lib/useTitle';
import { useTexts } from '@/texts/language';

export function LostPage() {
  const { texts, words } = useTexts();
  useTitle(titleFor(texts.lost.heading, words));
  return (
    <section className="order">
      <h1>{texts.lost.heading}</h1>
      <p className="lede">{texts.lost.text}</p>
      <div className="order-actions">
        <a className="button" href="/">
          {texts.shop.back}
        </a>
      </div>
    </section>
  );
}
