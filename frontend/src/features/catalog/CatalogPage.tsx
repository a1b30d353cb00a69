/** The catalog: every product with its picture, price and an Add to cart button. */

import { Notice } from '@/components/Notice';
import { ProductPicture } from '@/components/ProductPicture';
import type { Product } from '@/lib/api';
import { titleFor } from '@/lib/shop';
import { useTitle } from '@/lib/useTitle';
import { useTexts } from '@/texts/language';
import type { CatalogState } from './useCatalog';

const SKELETONS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const ABOVE_THE_FOLD = 4;

interface CatalogPageProps {
  readonly state: CatalogState;
  readonly onRetry: () => void;
  readonly onAdd: (product: Product) => void;
}

export function CatalogPage({ state, onRetry, onAdd }: CatalogPageProps) {
  const { texts, words } = useTexts();
  useTitle(titleFor(undefined, words));
  return (
    <section className="catalog" aria-busy={state.phase === 'loading'}>
      <div className="intro">
        <h1>{words.heading ?? texts.catalog.heading}</h1>
        {words.description ? <p>{words.description}</p> : null}
      </div>
      {state.phase === 'loading' ? <Skeletons /> : null}
      {state.phase === 'failed' ? (
        <Notice bad action={texts.catalog.retry} onAction={onRetry}>
          {texts.catalog.failed}
        </Notice>
      ) : null}
      {state.phase === 'ready' && state.catalog.products.length === 0 ? (
        <div className="empty">
          <p>{texts.catalog.empty}</p>
          <p>{texts.catalog.emptyHint}</p>
        </div>
      ) : null}
      {state.phase === 'ready' ? (
        <ul className="grid">
          {state.catalog.products.map((product, index) => (
            <ProductCard key={product.sku} product={product} eager={index < ABOVE_THE_FOLD} onAdd={onAdd} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

interface ProductCardProps {
  readonly product: Product;
  readonly eager: boolean;
  readonly onAdd: (product: Product) => void;
}

function ProductCard({ product, eager, onAdd }: ProductCardProps) {
  const { texts, money, say } = useTexts();
  const titleId = `product-${product.sku}`;
  return (
    <li className={product.available ? 'card' : 'card card-unavailable'} data-sku={product.sku}>
      <ProductPicture url={product.image_url} eager={eager} />
      <div className="card-text">
        <h2 id={titleId}>{product.name}</h2>
        <p>{product.description}</p>
        {product.available && product.left ? (
          <p className="card-left">{say(texts.catalog.left, { count: product.left })}</p>
        ) : null}
      </div>
      <div className="card-buy">
        <span className="price">{money(product.unit_amount, product.currency)}</span>
        {product.available ? (
          <button
            type="button"
            className="button button-quiet"
            aria-describedby={titleId}
            onClick={() => onAdd(product)}
          >
            {texts.catalog.add}
          </button>
        ) : (
          <span className="unavailable">{texts.catalog.unavailable}</span>
        )}
      </div>
    </li>
  );
}

function Skeletons() {
  const { texts } = useTexts();
  return (
    <>
      <p className="visually-hidden" role="status">
        {texts.catalog.loading}
      </p>
      <div className="grid" aria-hidden="true">
        {SKELETONS.map((key) => (
          <div key={key} className="card skeleton">
            <div className="picture" />
            <div className="card-text">
              <div className="skeleton-line skeleton-title" />
              <div className="skeleton-line" />
              <div className="skeleton-line skeleton-short" />
            </div>
            <div className="card-buy">
              <div className="skeleton-line skeleton-price" />
              <div className="skeleton-line skeleton-button" />
            </div>
          </div>
        ))}
      </div>
    </>
  );
}
