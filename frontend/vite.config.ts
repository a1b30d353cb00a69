/** How the storefront is built into the daemon's package, served while developing, and tested. */

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { budget } from './tools/budget';
import { compress } from './tools/compress';

const daemon = process.env['CHECKOUT_DEV_URL'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  esbuild: { jsx: 'automatic' },
  plugins: [budget(), compress()],
  build: {
    outDir: '../checkout_daemon/web/storefront',
    emptyOutDir: true,
    // The daemon's Content-Security-Policy allows no inline script, style or data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    // The currency table and the list of pages are shared with the daemon and lie outside this folder.
    fs: { allow: ['.', '../checkout_daemon/model', '../checkout_daemon/web/pages.json'] },
    proxy: { '/api': daemon },
  },
  test: {
    testTimeout: 60_000,
    restoreMocks: true,
    unstubGlobals: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'storefront',
          environment: 'jsdom',
          include: ['src/**/*.test.{ts,tsx}'],
          setupFiles: ['src/test/setup.ts'],
        },
      },
      { extends: true, test: { name: 'tools', environment: 'node', include: ['tools/**/*.test.ts'] } },
    ],
  },
});
