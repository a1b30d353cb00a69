/** What happened to an order while the shopper was away, with a link to it. */

import { useTexts } from '@/texts/language';
import { orderPage } from './route';
import type { OrderNews } from './useOwnOrders';

export function NewsText({ news }: { readonly news: OrderNews }) {
  const { texts } = useTexts();
  return (
    <>
      {texts.order[news.kind === 'placed' ? 'leftCart' : 'backInCart'](news.number)}{' '}
      <a href={orderPage(news.id)}>{texts.order.see(news.number)}</a>
    </>
  );
}
