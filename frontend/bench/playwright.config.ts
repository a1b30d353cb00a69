/** For bench/storefront.py: one browser, so that it has the machine to itself as far as possible. */

import { defineConfig } from '@playwright/test';
import { findBrowser } from '../e2e/browser';

export default defineConfig({
  testDir: '.',
  testMatch: '*.bench.ts',
  outputDir: '../test-results/bench',
  globalSetup: '../e2e/global-setup.ts',
  workers: 1,
  timeout: 300_000,
  expect: { timeout: 30_000 },
  reporter: [['list']],
  use: { locale: 'en-IE', launchOptions: await findBrowser() },
});
