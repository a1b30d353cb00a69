/** A product's own page: its pictures, price and whole description. */

import { Icon } from '@/components/Icon';
import type { Product } from '@/lib/api';
import type { ShownProduct } from '@/lib/pageData';
import { titleFor } from '@/lib/shop';
import { useTitle } from '@/lib/useTitle';
import { useTexts } from '@/texts/language';
import { Gallery } from './Gallery';

interface ProductPageProps {
  readonly shown: ShownProduct;
  /** How many of it are in the cart. */
  readonly held: number;
  readonly onAdd: (product: Product) => void;
  readonly onOpenCart: () => void;
}

export function ProductPage({ shown: { product, html }, held, onAdd, onOpenCart }: ProductPageProps) {
  const { texts, words, money, say } = useTexts();
  useTitle(titleFor(product.name, words));
  return (
    <article className="product">
      <a className="product-back" href="/">
        <Icon name="return" />
        {texts.shop.back}
      </a>
      <Gallery product={product} />
      <div className="product-text">
        <h1 id="product-name">{product.name}</h1>
        <p className="product-price">{money(product.unit_amount, product.currency)}</p>
        {words.tax_note ? <p className="tax-note">{words.tax_note}</p> : null}
        {product.available && product.left ? (
          <p className="card-left">{say(texts.catalog.left, { count: product.left })}</p>
        ) : null}
        {product.available ? (
          <button type="button" className="button" aria-describedby="product-name" onClick={() => onAdd(product)}>
            {texts.catalog.add}
          </button>
        ) : (
          <p className="unavailable">{texts.catalog.unavailable}</p>
        )}
        {held > 0 ? (
          <button type="button" className="held" aria-describedby="product-name" onClick={onOpenCart}>
            <Icon name="check" />
            {say(texts.cart.viewCart, { count: held })}
          </button>
        ) : null}
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: the daemon made it of Markdown with HTML off. */}
        <div className="product-description" dangerouslySetInnerHTML={{ __html: html }} />
      </div>
    </article>
  );
}
