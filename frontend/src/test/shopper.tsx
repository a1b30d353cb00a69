/** A shopper in front of the storefront: opens a page and does what the tests say. */

import { render } from '@testing-library/react';
import userEvent, { type UserEvent } from '@testing-library/user-event';
import type { ReactElement } from 'react';

export interface Shopper extends UserEvent {
  /** Addresses that the storefront sent the browser to. */
  readonly wentTo: string[];
}

type Page = (address: { pathname: string; search: string }, goTo: (url: string) => void) => ReactElement;

/** `page` makes the app for an address: shared code does not know it. */
export function visit(page: Page, path: string): Shopper {
  const wentTo: string[] = [];
  const { pathname, search } = new URL(path, 'http://shop.test');
  render(page({ pathname, search }, (url) => wentTo.push(url)));
  return Object.assign(userEvent.setup(), { wentTo });
}
