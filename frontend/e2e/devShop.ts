/** A shop of its own for tests: `checkout dev` in a folder that goes with it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../.venv/bin/checkout', import.meta.url));
const READY_WITHIN_MS = 90_000;
const STOPPED_WITHIN_MS = 15_000;

/** The settings of the operator's own shop must not reach the tests' shop. */
const FOREIGN = /^(CHECKOUT_|STRIPE_|DATABASE_)/;

export interface DevShop {
  readonly url: string;
  /** Its state directory. */
  readonly state: string;
  readonly stop: () => Promise<void>;
}

/** Start it and wait until it is ready. `shopFile` is the text of its shop.toml, if not the demo's. */
export async function startShop(settings: Readonly<Record<string, string>>, shopFile?: string): Promise<DevShop> {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run \`make test\` at the top, which sets it up`);
  const folder = mkdtempSync(join(tmpdir(), 'checkout-e2e-'));
  const state = join(folder, 'state');
  const log = join(folder, 'dev.log');
  const output = openSync(log, 'w');
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.test(name)));
  const own = shopFile === undefined ? {} : { CHECKOUT_SHOP_FILE: join(folder, 'shop.toml') };
  if (shopFile !== undefined) writeFileSync(join(folder, 'shop.toml'), shopFile);
  const shop = spawn(PROGRAM, ['dev', '--port', '0', '--sandbox-port', '0', '--state-dir', state], {
    cwd: folder,
    env: { ...env, ...settings, ...own },
    stdio: ['ignore', output, output],
  });
  const stop = async () => {
    await stopShop(shop);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { url: await readyUrl(shop, state), state, stop };
  } catch (error) {
    const printed = readFileSync(log, 'utf8').slice(-4000);
    await stop();
    throw new Error(`${String(error)}\n--- checkout dev printed:\n${printed}`);
  }
}

/** Return the address that the shop wrote to its settings, once it answers there. */
async function readyUrl(shop: ChildProcess, state: string): Promise<string> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (shop.exitCode !== null || shop.signalCode !== null) throw new Error('checkout dev ended before it was ready');
    const url = publicUrl(join(state, 'dev.env'));
    if (url && (await isReady(url))) return url;
    await sleep(200);
  }
  throw new Error(`checkout dev was not ready within ${READY_WITHIN_MS / 1000} seconds`);
}

function publicUrl(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  return /^CHECKOUT_PUBLIC_URL=['"]?([^'"\n]+)/m.exec(readFileSync(path, 'utf8'))?.[1];
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) });
    return response.ok;
  } catch {
    return false; // not listening yet
  }
}

async function stopShop(shop: ChildProcess): Promise<void> {
  if (shop.exitCode !== null || shop.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => shop.once('exit', () => resolve()));
  shop.kill('SIGTERM');
  const late = sleep(STOPPED_WITHIN_MS, 'late', { ref: false });
  if ((await Promise.race([ended, late])) === 'late') {
    shop.kill('SIGKILL');
    throw new Error(`checkout dev was still there ${STOPPED_WITHIN_MS / 1000} seconds after SIGTERM`);
  }
}
