/** Browser tests against the real daemon, PostgreSQL and the offline Stripe; `e2e/global-setup.ts` starts them. */

import { defineConfig } from '@playwright/test';
import { findBrowser } from './e2e/browser';

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  globalSetup: './e2e/global-setup.ts',
  workers: 2,
  fullyParallel: true,
  forbidOnly: process.env['CI'] !== undefined,
  retries: 1, // a test that passes only then is listed as flaky
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  use: {
    actionTimeout: 20_000,
    locale: 'en-IE',
    launchOptions: await findBrowser(),
    screenshot: 'only-on-failure',
    // Without the film, which costs a quarter of the run: a failure has its picture, and the trace the page at each step.
    trace: { mode: 'retain-on-failure', screenshots: false, sources: false },
  },
});
