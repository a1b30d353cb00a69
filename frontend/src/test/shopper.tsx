/** A shopper in front of the storefront: opens a page and does what the tests say. */

import { render, screen, waitFor } from '@testing-library/react';
import userEvent, { type UserEvent } from '@testing-library/user-event';
import type { ReactElement } from 'react';
import { expect } from 'vitest';
import type { FakeDaemon } from './daemon';

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

export const button = (name: string) => screen.getByRole('button', { name });
export const field = (name: string) => screen.getByRole('textbox', { name });

/** Puts the first product into the cart, and opens the cart. */
export async function fillCart(shopper: Shopper): Promise<Shopper> {
  const [notebook] = await screen.findAllByRole('button', { name: 'Add to cart' });
  if (notebook) await shopper.click(notebook);
  await shopper.click(button('Open cart'));
  await screen.findByTestId('total');
  return shopper;
}

export async function giveDetails(shopper: Shopper): Promise<void> {
  await shopper.type(field('Name'), 'Ana Berg');
  await shopper.type(field('Email'), 'ana@example.com');
  await shopper.type(field('Phone'), '+43 660 1234567');
}

/** Waits until the daemon has confirmed the total. */
export async function priced(daemon: FakeDaemon): Promise<void> {
  await waitFor(() => expect(daemon.to('POST /api/quotes')).not.toHaveLength(0));
  await waitFor(() => expect(screen.getByTestId('total').closest('dl')).toHaveAttribute('aria-busy', 'false'));
}
