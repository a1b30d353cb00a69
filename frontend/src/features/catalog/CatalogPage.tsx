/** The catalog: every product with its picture, price and an Add to cart button. */

import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { Icon } from '@/components/Icon';
import { Notice } from '@/components/Notice';
import { ProductPicture } from '@/components/ProductPicture';
import type { Product } from '@/lib/api';
import { titleFor } from '@/lib/shop';
import { useTitle } from '@/lib/useTitle';
import { useTexts } from '@/texts/language';
import { searchIn } from './search';
import type { CatalogState } from './useCatalog';

const SKELETONS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const ABOVE_THE_FOLD = 4;
/** So many products are shown at first, and so many more on request. */
const PAGE = 48;
/** With fewer products, a look is faster than a search. */
const SEARCHABLE = 8;

interface CatalogPageProps {
  readonly state: CatalogState;
  readonly onRetry: () => void;
  readonly onAdd: (product: Product) => void;
  /** How many of a product are in the cart. */
  readonly held: ReadonlyMap<string, number>;
  readonly onOpenCart: () => void;
}

export function CatalogPage({ state, onRetry, onAdd, held, onOpenCart }: CatalogPageProps) {
  const { texts, words } = useTexts();
  useTitle(titleFor(undefined, words));
  const failed = (text: string) => (
    <Notice bad action={texts.catalog.retry} onAction={onRetry}>
      {text}
    </Notice>
  );
  return (
    <section className="catalog" aria-busy={state.phase === 'loading'}>
      <div className="intro">
        <h1>{words.heading ?? texts.catalog.heading}</h1>
        {words.description ? <p>{words.description}</p> : null}
      </div>
      {state.phase === 'loading' ? <Skeletons /> : null}
      {state.phase === 'failed' ? failed(texts.catalog.failed) : null}
      {state.phase === 'ready' && state.catalog.products.length === 0 ? (
        <div className="empty">
          <p>{texts.catalog.empty}</p>
          <p>{texts.catalog.emptyHint}</p>
        </div>
      ) : null}
      {state.phase === 'ready' ? (
        <Shelf
          products={state.catalog.products}
          count={state.count}
          onAdd={onAdd}
          held={held}
          onOpenCart={onOpenCart}
        />
      ) : null}
      {state.phase === 'ready' && state.incomplete ? failed(texts.catalog.incomplete) : null}
    </section>
  );
}

interface ShelfProps extends Pick<CatalogPageProps, 'onAdd' | 'held' | 'onOpenCart'> {
  readonly products: readonly Product[];
  /** Of all products, of which there may be only the first yet. */
  readonly count: number;
}

/** The products that match what is typed, a page at first and more on request. */
function Shelf({ products, count, onAdd, held, onOpenCart }: ShelfProps) {
  const { texts, say } = useTexts();
  const [typed, setTyped] = useState(() => new URLSearchParams(window.location.search).get('q') ?? '');
  const [shown, setShown] = useState(PAGE);
  const search = useMemo(() => searchIn(products), [products]);
  const wanted = useDeferredValue(typed); // a long list must not hold up the keys
  const found = useMemo(() => search(wanted), [search, wanted]);
  const searching = wanted.trim() !== '';
  const total = searching ? found.length : Math.max(count, found.length);
  const foundNone = count > products.length ? '' : texts.catalog.foundNone; // products that are not there yet may match
  const grid = useRef<HTMLUListElement>(null);

  function type(text: string) {
    setTyped(text);
    setShown(PAGE);
    const address = text.trim()
      ? `${window.location.pathname}?q=${encodeURIComponent(text.trim())}`
      : window.location.pathname;
    history.replaceState(history.state, '', address); // Back from a product comes to the same list
  }

  function showMore() {
    flushSync(() => setShown(shown + PAGE));
    grid.current?.children[shown]?.querySelector('a')?.focus(); // the button may be gone
  }

  return (
    <>
      {count > SEARCHABLE ? (
        <search className="search">
          <label className="field-label" htmlFor="search">
            {texts.catalog.search}
          </label>
          <input
            id="search"
            type="search"
            className="field-input"
            autoComplete="off"
            value={typed}
            onChange={(event) => type(event.target.value)}
          />
          <p className="search-found" role="status">
            {searching ? (total > 0 ? say(texts.catalog.found, { count: total }) : foundNone) : ''}
          </p>
        </search>
      ) : null}
      <ul className="grid" ref={grid}>
        {found.slice(0, shown).map((product, index) => (
          <ProductCard
            key={product.sku}
            product={product}
            eager={index < ABOVE_THE_FOLD}
            onAdd={onAdd}
            held={held.get(product.sku) ?? 0}
            onOpenCart={onOpenCart}
          />
        ))}
      </ul>
      {total > shown ? (
        <button type="button" className="button button-quiet more" disabled={found.length <= shown} onClick={showMore}>
          {texts.catalog.more}
        </button>
      ) : null}
    </>
  );
}

interface ProductCardProps {
  readonly product: Product;
  readonly eager: boolean;
  readonly held: number;
  readonly onAdd: (product: Product) => void;
  readonly onOpenCart: () => void;
}

function ProductCard({ product, eager, held, onAdd, onOpenCart }: ProductCardProps) {
  const { texts, money, say } = useTexts();
  const titleId = `product-${product.sku}`;
  return (
    <li className={product.available ? 'card' : 'card card-unavailable'} data-sku={product.sku}>
      <ProductPicture url={product.image_url} eager={eager} />
      <div className="card-text">
        <h2 id={titleId}>
          <a href={`/p/${product.sku}`}>{product.name}</a>
        </h2>
        <p>{product.summary ?? product.description}</p>
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
        {held > 0 ? (
          <button type="button" className="held" aria-describedby={titleId} onClick={onOpenCart}>
            <Icon name="check" />
            {say(texts.cart.viewCart, { count: held })}
          </button>
        ) : null}
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
