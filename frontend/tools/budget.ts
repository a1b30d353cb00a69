/** A limit on what a first visit loads before anything shows, gzipped. A build over the limit fails. */

import { gzipSync } from 'node:zlib';
import type { Plugin, Rollup } from 'vite';

/** In bytes, gzipped. */
export const BUDGET = { js: 80_000, css: 15_000 } as const;

export type Weight = Readonly<Record<keyof typeof BUDGET, number>>;

export function budget(): Plugin {
  return {
    name: 'budget',
    apply: 'build',
    generateBundle(_, bundle) {
      const weight = initialWeight(bundle);
      process.stdout.write(`${report(weight)}\n`);
      const over = overBudget(weight);
      if (over.length > 0) this.error(`a first visit loads too much: ${over.join(', ')}`);
    },
  };
}

/** Sum up everything that the page's entries import statically. */
export function initialWeight(bundle: Rollup.OutputBundle): Weight {
  const files = new Set<string>();
  const visit = (name: string) => {
    const chunk = bundle[name];
    if (files.has(name) || chunk?.type !== 'chunk') return;
    files.add(name);
    for (const css of chunk.viteMetadata?.importedCss ?? []) files.add(css);
    for (const imported of chunk.imports) visit(imported);
  };
  for (const [name, output] of Object.entries(bundle)) if (output.type === 'chunk' && output.isEntry) visit(name);

  const weigh = (suffix: string) =>
    [...files].filter((name) => name.endsWith(suffix)).reduce((sum, name) => sum + gzipped(bundle[name]), 0);
  return { js: weigh('.js'), css: weigh('.css') };
}

export function overBudget(weight: Weight): string[] {
  return kinds()
    .filter((kind) => weight[kind] > BUDGET[kind])
    .map((kind) => `${kilobytes(weight[kind])} KB of ${kind}, where ${kilobytes(BUDGET[kind])} KB is allowed`);
}

function report(weight: Weight): string {
  const parts = kinds().map((kind) => `${kind} ${kilobytes(weight[kind])} of ${kilobytes(BUDGET[kind])} KB`);
  return `a first visit, gzipped: ${parts.join(', ')}`;
}

function kinds(): (keyof Weight)[] {
  return ['js', 'css'];
}

function gzipped(output: Rollup.OutputAsset | Rollup.OutputChunk | undefined): number {
  if (!output) return 0;
  return gzipSync(output.type === 'chunk' ? output.code : output.source, { level: 9 }).length;
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(1);
}
