/** What happens without the shopper: the operator's commands, and what Stripe does on its own. */

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestInfo } from '@playwright/test';

const PROGRAM = fileURLToPath(new URL('../../.venv/bin/checkout', import.meta.url));

/** Change a product's price, as `checkout catalog import` does. */
export async function setPrice(info: TestInfo, sku: string, unitAmount: number): Promise<void> {
  const { stdout } = await checkout('catalog', 'export', '--json');
  const { products } = JSON.parse(stdout) as { products: readonly { sku: string }[] };
  const product = products.find((candidate) => candidate.sku === sku);
  if (!product) throw new Error(`the shop has no ${sku}`);
  const file = info.outputPath('product.json');
  writeFileSync(file, JSON.stringify({ products: [{ ...product, unit_amount: unitAmount }] }));
  await checkout('catalog', 'import', file);
}

/** Expire an open Checkout Session at the offline Stripe. */
export async function expireSession(sessionId: string): Promise<void> {
  const { STRIPE_API_BASE: base, STRIPE_API_KEY: key } = settings();
  const response = await fetch(`${base}/v1/checkout/sessions/${sessionId}/expire`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}` },
  });
  if (!response.ok) throw new Error(`Stripe would not expire ${sessionId}: ${await response.text()}`);
}

function checkout(...args: string[]) {
  return promisify(execFile)(PROGRAM, args, { env: { PATH: process.env['PATH'], CHECKOUT_STATE_DIR: stateDir() } });
}

function settings(): Readonly<Record<string, string>> {
  const lines = readFileSync(join(stateDir(), 'dev.env'), 'utf8').split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

function stateDir(): string {
  const path = process.env['CHECKOUT_E2E_STATE'];
  if (!path) throw new Error('CHECKOUT_E2E_STATE is not set: it names the state directory of the shop under test');
  return path;
}
