import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';
import { expect, test } from 'vitest';
import { BUDGET, budget, initialWeight, overBudget } from './budget';
import { compressFolder } from './compress';

function chunk(code: string, more: Partial<Rollup.OutputChunk> = {}): Rollup.OutputChunk {
  return { type: 'chunk', code, isEntry: false, imports: [], dynamicImports: [], ...more } as Rollup.OutputChunk;
}

test('what the entry imports counts, once; what it loads on demand does not', () => {
  const styles = { type: 'asset', source: 'a{}' } as Rollup.OutputAsset;
  const entry = chunk('1', {
    isEntry: true,
    imports: ['both.js', 'one.js'],
    dynamicImports: ['later.js'],
    viteMetadata: { importedCss: new Set(['a.css']), importedAssets: new Set() },
  });
  const parts = { 'both.js': chunk('2'), 'one.js': chunk('3', { imports: ['both.js'] }), 'a.css': styles };

  const { js, css } = initialWeight({ 'entry.js': entry, ...parts, 'later.js': chunk('4'.repeat(999)) });

  expect(js).toBeGreaterThan(0);
  expect(js).toBe(3 * initialWeight({ 'entry.js': chunk('1', { isEntry: true }) }).js);
  expect(css).toBeGreaterThan(0);
});

test('what is over budget is named', () => {
  expect(overBudget({ js: BUDGET.js, css: BUDGET.css })).toEqual([]);
  expect(overBudget({ js: BUDGET.js, css: 16_000 })).toEqual(['16.0 KB of css, where 15.0 KB is allowed']);
});

test('a build over budget fails', async () => {
  const entry = 'virtual:entry';
  const tooMuch = randomBytes(2 * BUDGET.js).toString('base64');
  const page = {
    name: 'page',
    resolveId: (id: string) => (id === entry ? id : null),
    load: (id: string) => (id === entry ? `globalThis.kept = ${JSON.stringify(tooMuch)};` : null),
  };
  const run = build({
    configFile: false,
    logLevel: 'silent',
    plugins: [page, budget()],
    build: { write: false, rollupOptions: { input: entry } },
  });

  await expect(run).rejects.toThrow('a first visit loads too much');
});

test('every text lies there compressed, and comes back the same', () => {
  const folder = mkdtempSync(join(tmpdir(), 'compress-'));
  try {
    mkdirSync(join(folder, 'assets'));
    const code = 'export const text = "again and again";\n'.repeat(50);
    writeFileSync(join(folder, 'assets', 'a.js'), code);
    writeFileSync(join(folder, 'tiny.txt'), 'a');
    writeFileSync(join(folder, 'photo.webp'), code);
    compressFolder(folder);

    expect(readdirSync(folder).sort()).toEqual(['assets', 'photo.webp', 'tiny.txt']);
    expect(brotliDecompressSync(readFileSync(join(folder, 'assets', 'a.js.br'))).toString()).toBe(code);
    expect(gunzipSync(readFileSync(join(folder, 'assets', 'a.js.gz'))).toString()).toBe(code);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
