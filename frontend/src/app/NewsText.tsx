/** What happened to an order while the shopper was away, with a link to it. */

import { useTexts } from '@/texts/language';
import { orderPage } from './route';
import type { OrderNews } from './settle';

export function NewsText({ news }: { readonly news: OrderNews }) {
  const { texts, say } = useTexts();
  return (
    <>
      {say(texts.order[news.kind === 'placed' ? 'leftCart' : 'backInCart'], { number: news.number })}{' '}
      <a href={orderPage(news.id)}>{say(texts.order.see, { number: news.number })}</a>
    </>
  );
}
