/** What the daemon wrote into the page, so that its first screen needs no further request. */

import type { Product } from './api';

export interface FirstProducts {
  readonly currency: string;
  /** The first of them. */
  readonly products: readonly Product[];
  /** Of all. */
  readonly count: number;
}

export interface ShownProduct {
  readonly product: Product;
  /** The description; the daemon made it of Markdown, so it holds no script. */
  readonly html: string;
}

/** Return the data with this name, or undefined if the page has none. */
export function pageData<T>(name: string): T | undefined {
  return (JSON.parse(document.getElementById(name)?.textContent ?? 'null') as T | null) ?? undefined;
}
