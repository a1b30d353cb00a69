/** Check that a page fits its window. */

import type { Page } from '@playwright/test';

/** Return by how many pixels the page or the open cart is wider than the window; 1 may be rounding. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() =>
    Math.max(
      ...[document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] *')]
        .filter((element) => element === document.documentElement || getComputedStyle(element).overflowX !== 'visible')
        .filter((element) => !element.matches('input, .visually-hidden, .undo-text'))
        .map((element) => element.scrollWidth - element.clientWidth),
    ),
  );
}
