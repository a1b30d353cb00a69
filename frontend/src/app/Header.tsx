/** The header of every page: the shop's name and the cart button. */

import type { MouseEvent } from 'react';
import { Icon } from '@/components/Icon';
import { shop } from '@/lib/shop';
import { useTexts } from '@/texts/language';

interface HeaderProps {
  readonly count: number;
  readonly onOpenCart: () => void;
  /** Called when the shopper is about to open the cart. */
  readonly onApproach: () => void;
}

export function Header({ count, onOpenCart, onApproach }: HeaderProps) {
  const { texts, say } = useTexts();
  return (
    <header className="header">
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place on this page; see skip. */}
      <a className="skip-link" href="#main" onClick={skip}>
        {texts.shop.skip}
      </a>
      <div className="header-row">
        <a className="logo" href="/">
          {shop.logo_url ? <img src={shop.logo_url} alt={shop.name} /> : shop.name}
        </a>
        <button
          type="button"
          className="cart-button"
          aria-label={texts.cart.open}
          aria-haspopup="dialog"
          aria-describedby="cart-count"
          onPointerEnter={onApproach}
          onFocus={onApproach}
          onClick={onOpenCart}
        >
          <Icon name="bag" />
          <span aria-hidden="true">{texts.cart.label}</span>
          {count > 0 ? (
            <span className="badge" aria-hidden="true">
              {count}
            </span>
          ) : null}
        </button>
        <span id="cart-count" className="visually-hidden">
          {say(texts.cart.count, { count })}
        </span>
      </div>
    </header>
  );
}

/** Move the focus by script, not by address: a history entry would interfere with the cart's. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
