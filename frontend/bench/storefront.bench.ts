/** A first visit on a slow phone, up to the last letter of the form: the waiting times as JSON. */

import { writeFileSync } from 'node:fs';
import { type Browser, expect, type Page, test } from '@playwright/test';
import { type LongestTask, longestTask } from './longestTask';

const ROUNDS = Number(process.env['CHECKOUT_BENCH_ROUNDS'] ?? 5);
const REPORT = process.env['CHECKOUT_BENCH_REPORT'] ?? 'test-results/storefront.json';

/** Lighthouse's "slow 4G" as it throttles real requests (its core/config/constants.js), and its CPU of a mid-range phone. */
const SLOW_4G = {
  offline: false,
  latency: 562.5,
  downloadThroughput: (1474.56 * 1024) / 8,
  uploadThroughput: (675 * 1024) / 8,
} as const;
const CPU_SLOWDOWN = 4;
const PHONE = { width: 412, height: 823 } as const;
const KEY_DELAY_MS = 60;
const TAB = 'Tab';
const PHONE_NUMBER = '+43 660 1234567';

/** Times in milliseconds. */
interface Round {
  readonly firstContentfulPaint: number;
  readonly largestContentfulPaint: number;
  readonly productsShown: number;
  readonly typing: LongestTask;
  /** From the key press to the next frame. */
  readonly slowestKey: number;
  readonly layoutShift: number;
  readonly bytes: number;
}

interface Seen {
  readonly startTime: number;
  readonly duration: number;
  readonly value?: number;
  readonly hadRecentInput?: boolean;
}

declare global {
  interface Window {
    seen: Record<string, Seen[]>;
  }
}

test('a first visit', async ({ browser }) => {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const context = await browser.newContext({ viewport: PHONE, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
    rounds.push(await visit(browser, await context.newPage()));
    await context.close();
  }
  writeFileSync(REPORT, JSON.stringify({ chromium: browser.version(), rounds }));
});

async function visit(browser: Browser, page: Page): Promise<Round> {
  await page.addInitScript(observe);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', SLOW_4G);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN });
  let bytes = 0;
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });

  await page.goto(process.env['CHECKOUT_E2E_URL'] ?? '');
  const add = page.getByRole('button', { name: 'Add to cart', exact: true });
  await add.first().waitFor();
  const productsShown = await now(page);
  for (const index of [0, 1, 2]) await add.nth(index).click();
  await page.getByRole('button', { name: 'Open cart' }).click();
  await expect(page.getByTestId('total').locator('xpath=ancestor::dl')).toHaveAttribute('aria-busy', 'false');

  // By keyboard only: looking up a field by its label would load the page's main thread too.
  await page.getByLabel('Discount code').focus();
  await browser.startTracing(page, { categories: ['toplevel'] });
  const begun = await now(page);
  for (const text of ['WELCOME10', TAB, TAB, 'Ana Maria Berg', TAB, 'ana.maria.berg@example.com', TAB, PHONE_NUMBER]) {
    if (text === TAB) await page.keyboard.press(TAB, { delay: KEY_DELAY_MS });
    else await page.keyboard.type(text, { delay: KEY_DELAY_MS });
  }
  const typing = longestTask((await browser.stopTracing()).toString());
  await expect(page.getByLabel('Phone', { exact: true })).toHaveValue(PHONE_NUMBER);
  const seen = await page.evaluate(() => window.seen);

  const keys = (seen['event'] ?? []).filter(({ startTime }) => startTime >= begun);
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  if (paint === undefined) throw new Error('nothing was painted');
  expect(keys.length, 'keys were seen').toBeGreaterThan(0);
  return {
    firstContentfulPaint: paint,
    largestContentfulPaint: Math.max(...(seen['largest-contentful-paint'] ?? []).map(({ startTime }) => startTime)),
    productsShown,
    typing,
    slowestKey: Math.max(...keys.map(({ duration }) => duration)),
    layoutShift: (seen['layout-shift'] ?? [])
      .filter((shift) => !shift.hadRecentInput)
      .reduce((sum, { value = 0 }) => sum + value, 0),
    bytes,
  };
}

/** Runs in the page, before its own scripts. */
function observe(): void {
  window.seen = {};
  for (const type of ['layout-shift', 'largest-contentful-paint', 'event']) {
    window.seen[type] = [];
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as unknown as Seen[]) {
        const { startTime, duration, value, hadRecentInput } = entry;
        window.seen[type]?.push(JSON.parse(JSON.stringify({ startTime, duration, value, hadRecentInput })) as Seen);
      }
    });
    observer.observe({ type, buffered: true, durationThreshold: 16 } as PerformanceObserverInit);
  }
}

function now(page: Page): Promise<number> {
  return page.evaluate(() => performance.now());
}
