/**
 * Drive Chromium for bench/lighthouse.py: node lighthouse.mjs PACKAGES BROWSER URL PRODUCT ROUNDS.
 *
 * PACKAGES has Lighthouse in node_modules, BROWSER is JSON with executablePath, args and env, PRODUCT is the name of a
 * product on the first page. Prints the scores of each round, and when that name could be read on slow 3G, as JSON.
 */

import { pathToFileURL } from 'node:url';

const [packages, browser, url, product, rounds] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${packages}/node_modules/${path}`).href);
const { default: lighthouse } = await load('lighthouse/core/index.js');
const { default: Trace } = await load('lighthouse/core/gather/gatherers/trace.js');
const { default: puppeteer } = await load('puppeteer-core/lib/puppeteer/puppeteer-core.js');
const { executablePath, args, env } = JSON.parse(browser);

// The tabs of the browser that comes from npm crash while they record it, and no score depends on it.
const traced = Trace.getDefaultTraceCategories().filter((category) => category !== 'blink.webdx_feature_usage');
Trace.getDefaultTraceCategories = () => traced;

const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'];
/** Chrome's own "slow 3G", with a processor as slow as Lighthouse's phone. */
const SLOW_3G = { offline: false, latency: 2000, downloadThroughput: 400_000 / 8, uploadThroughput: 400_000 / 8 };
const CPU_SLOWDOWN = 4;
const PHONE = { width: 412, height: 823, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

async function withBrowser(work) {
  const chromium = await puppeteer.launch({ executablePath, args, env: { ...process.env, ...env }, headless: 'shell' });
  try {
    return await work(chromium);
  } finally {
    await chromium.close();
  }
}

/** Lighthouse's own defaults: a phone on slow 4G. */
function score() {
  return withBrowser(async (chromium) => {
    const page = await chromium.newPage();
    const { lhr } = await lighthouse(url, { output: 'json', logLevel: 'error' }, undefined, page);
    const broken = Object.values(lhr.audits).find(({ errorMessage }) => errorMessage);
    if (CATEGORIES.some((category) => lhr.categories[category].score === null)) {
      throw new Error(`Lighthouse could not score the page: ${lhr.runtimeError?.message ?? broken?.errorMessage}`);
    }
    const failed = CATEGORIES.slice(1).flatMap((category) =>
      lhr.categories[category].auditRefs
        .filter(({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 1)
        .map(({ id }) => id),
    );
    const timings = ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'cumulative-layout-shift'];
    return {
      scores: Object.fromEntries(CATEGORIES.map((category) => [category, lhr.categories[category].score])),
      timings: Object.fromEntries(timings.map((id) => [id, lhr.audits[id].numericValue])),
      failed,
    };
  });
}

/** Return the milliseconds from the request until the name of a product is on the screen. */
function readable() {
  return withBrowser(async (chromium) => {
    const page = await chromium.newPage();
    await page.setViewport(PHONE);
    const devtools = await page.createCDPSession();
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions', SLOW_3G);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN });
    await page.evaluateOnNewDocument(watch, product);
    await page.goto(url, { waitUntil: 'domcontentloaded', timeout: 120_000 });
    await page.waitForFunction(() => window.readableAt !== undefined, { polling: 200, timeout: 120_000 });
    return await page.evaluate(() => window.readableAt);
  });
}

/** Runs in the page: note when the name of a product is first on the screen, in ms since the request. */
function watch(name) {
  const timer = setInterval(() => {
    const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { parentElement, textContent } = walker.currentNode;
      if (!textContent.includes(name) || !parentElement.checkVisibility({ visibilityProperty: true })) continue;
      clearInterval(timer);
      requestAnimationFrame(() => {
        window.readableAt = performance.now();
      });
      return;
    }
  }, 50);
}

const measured = [];
for (let round = 0; round < Number(rounds); round += 1) measured.push({ ...(await score()), readable: await readable() });
process.stdout.write(JSON.stringify(measured));
