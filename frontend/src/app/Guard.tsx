/** Show an apology and a way forward instead of an empty page when rendering fails. */

import { Component, type ReactNode } from 'react';
import { useTexts } from '@/texts/language';

interface GuardProps {
  readonly children: ReactNode;
}

export class Guard extends Component<GuardProps, { readonly broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    return this.state.broken ? <BrokenPage /> : this.props.children;
  }
}

function BrokenPage() {
  const { texts } = useTexts();
  return (
    <main className="order">
      <div role="alert">
        <h1>{texts.broken.heading}</h1>
        <p className="lede">{texts.broken.text}</p>
      </div>
      <div className="order-actions">
        <button type="button" className="button" onClick={() => window.location.reload()}>
          {texts.broken.reload}
        </button>
        <a className="button button-quiet" href="/">
          {texts.shop.back}
        </a>
      </div>
    </main>
  );
}
