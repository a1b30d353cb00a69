/** The page for an unknown address, and for a product's while the daemon could not look it up. */

import { Notice } from '@/components/Notice';
import { pageData } from '@/lib/pageData';
import { titleFor } from '@/lib/shop';
import { useTitle } from '@/lib/useTitle';
import { useTexts } from '@/texts/language';

export function LostPage() {
  const { texts, words } = useTexts();
  const unread = pageData<true>('unread');
  useTitle(titleFor(unread ? undefined : texts.lost.heading, words));
  if (unread)
    return (
      <section className="order">
        <h1>{texts.catalog.heading}</h1>
        <Notice bad action={texts.catalog.retry} onAction={() => window.location.reload()}>
          {texts.catalog.failed}
        </Notice>
      </section>
    );
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
