/** The base of every browser test: it fails if a page writes to the console or shifts its layout. */

import { type BrowserContext, test as base, expect } from '@playwright/test';

/** The sum over one page, a stricter measure than that of web.dev/cls, where 0.1 counts as good. */
const MOST_SHIFT = 0.05;

interface Fixtures {
  /** Watches every tab of the test. */
  readonly watched: undefined;
}

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  baseURL: async ({}, use) => {
    await use(process.env['CHECKOUT_E2E_URL']);
  },
  watched: [
    async ({ context, baseURL }, use) => {
      if (!baseURL) throw new Error('there is no shop to test');
      const messages = watchConsole(context, baseURL);
      const shifts = await watchShifts(context, baseURL);
      await use(undefined);
      expect(messages, 'nothing in the console').toEqual([]);
      const jumps = [...shifts].filter(([, { sum }]) => sum > MOST_SHIFT);
      expect(jumps, `no page shifts by more than ${MOST_SHIFT}`).toEqual([]);
    },
    { auto: true },
  ],
});

function watchConsole(context: BrowserContext, shop: string): string[] {
  const messages: string[] = [];
  context.on('weberror', (error) => messages.push(String(error.error())));
  context.on('console', (message) => {
    const ours = message.location().url.startsWith(shop);
    // The browser itself logs every 4xx and every broken connection; the tests cause those on purpose.
    const answer = message.text().startsWith('Failed to load resource');
    if (ours && !answer && ['error', 'warning'].includes(message.type())) messages.push(message.text());
  });
  return messages;
}

interface Shifts {
  sum: number;
  readonly moved: string[];
}

/** Layout shifts by page load that no click or key has just caused. */
async function watchShifts(context: BrowserContext, shop: string): Promise<Map<string, Shifts>> {
  const pages = new Map<string, Shifts>();
  await context.exposeFunction('reportShift', (page: string, value: number, moved: string) => {
    const shifts = pages.get(page) ?? { sum: 0, moved: [] };
    pages.set(page, { sum: shifts.sum + value, moved: [...shifts.moved, moved] });
  });
  await context.addInitScript((origin) => {
    if (location.origin !== origin) return;
    const report = (window as unknown as { reportShift: (...args: unknown[]) => void }).reportShift;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & Shift)[]) {
        if (entry.hadRecentInput) continue;
        const moved = entry.sources.map(({ node }) => (node as Element | null)?.className ?? '?').join(', ');
        report(`${location.pathname} ${performance.timeOrigin}`, entry.value, `${entry.value.toFixed(4)}: ${moved}`);
      }
    }).observe({ type: 'layout-shift', buffered: true });
  }, new URL(shop).origin);
  return pages;
}

/** https://wicg.github.io/layout-instability/, which TypeScript's DOM types lack. */
interface Shift {
  readonly value: number;
  readonly hadRecentInput: boolean;
  readonly sources: readonly { readonly node: Node | null }[];
}
