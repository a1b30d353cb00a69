/** How the daemon serves the build: compressed, and cached by browsers for as long as it is current. */

import { expect, test } from './shop';

test('pages are asked for anew, their parts are kept for ever, and both travel compressed', async ({
  page,
  request,
}) => {
  const parts: { url: string; cache: string | undefined; encoding: string | undefined }[] = [];
  page.on('response', (response) => {
    const { 'cache-control': cache, 'content-encoding': encoding } = response.headers();
    if (response.url().includes('/assets/')) parts.push({ url: response.url(), cache, encoding });
  });
  const answer = await page.goto('/success?session_id=cs_unknown');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();

  expect(answer?.headers()).toMatchObject({ 'cache-control': 'no-cache', 'content-encoding': 'gzip' });
  expect(parts.length).toBeGreaterThanOrEqual(2);
  for (const { cache, encoding } of parts) {
    expect([cache, encoding]).toEqual(['public, max-age=31536000, immutable', 'br']);
  }
  const headers = { 'If-None-Match': answer?.headers()['etag'] ?? '', 'Accept-Encoding': 'gzip' };
  expect((await request.get('/success', { headers })).status()).toBe(304);
  for (const { url } of parts)
    expect((await request.get(url, { headers: { 'Accept-Encoding': 'gzip' } })).ok()).toBe(true);
  expect((await request.get('/assets/index-00000000.js')).status()).toBe(404);
});

test('an unknown address is answered 404, for browsers with the page for it', async ({ page, request }) => {
  const answer = await page.goto('/no-such-page');
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Page not found');
  expect((await request.get('/no-such-page', { headers: { Accept: '*/*' } })).headers()['content-type']).toBe(
    'application/problem+json',
  );
});
