/** The shop's name and the way to the cart, on every page. */

import { BagIcon } from '@/components/icons';

interface HeaderProps {
  readonly count: number;
  readonly onOpenCart: () => void;
}

export function Header({ count, onOpenCart }: HeaderProps) {
  return (
    <header className="header">
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <div className="header-row">
        <a className="logo" href="/">
          Folio
        </a>
        <button
          type="button"
          className="cart-button"
          aria-label="Open cart"
          aria-haspopup="dialog"
          aria-describedby="cart-count"
          onClick={onOpenCart}
        >
          <BagIcon />
          <span aria-hidden="true">Cart</span>
          {count > 0 ? (
            <span className="badge" aria-hidden="true">
              {count}
            </span>
          ) : null}
        </button>
        <span id="cart-count" className="visually-hidden">
          {count === 1 ? '1 item' : `${count} items`}
        </span>
      </div>
    </header>
  );
}
