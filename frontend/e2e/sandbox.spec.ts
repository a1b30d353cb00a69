/** The offline Stripe's own page in a real browser: by keyboard alone, live, and safe against hostile text. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as base, expect, type Locator, type Page } from '@playwright/test';

const PROGRAM = fileURLToPath(new URL('../../.venv/bin/checkout', import.meta.url));
const HOSTILE = '<img src=x onerror="document.title=1">';
const MOST_TABS = 80;

/** A sandbox per test, whose debits wait until somebody settles them. */
class Sandbox {
  readonly folder = mkdtempSync(join(tmpdir(), 'sandbox-e2e-'));
  url = '';
  private program: ChildProcess | undefined;

  async start(): Promise<void> {
    const port = this.url ? new URL(this.url).port : '0';
    const program = spawn(
      PROGRAM,
      ['sandbox', '--port', port, '--settle-seconds', '3600', '--state-dir', join(this.folder, 'state')],
      { cwd: this.folder, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.program = program;
    this.url = await new Promise((resolve, reject) => {
      let output = '';
      program.stdout.on('data', (text) => {
        output += String(text);
        const found = /Offline Stripe on (\S+)/.exec(output)?.[1];
        if (found) resolve(found);
      });
      program.once('exit', () => reject(new Error(`the sandbox ended: ${output}`)));
    });
  }

  async stop(): Promise<void> {
    const { program } = this;
    if (!program || program.exitCode !== null) return;
    const ended = new Promise((resolve) => program.once('exit', resolve));
    program.kill('SIGTERM');
    await ended;
  }

  async api(path: string, params: Record<string, string> = {}): Promise<{ id: string } & Record<string, unknown>> {
    const response = await fetch(`${this.url}/v1/${path}`, {
      method: 'POST',
      headers: { Authorization: 'Bearer sk_test_offline0123456789' },
      body: new URLSearchParams(params),
    });
    expect(response.ok, path).toBe(true);
    return await response.json();
  }

  openSession(name = 'Mug'): Promise<{ id: string }> {
    return this.api('checkout/sessions', {
      mode: 'payment',
      success_url: 'https://shop.example/ok',
      'payment_method_types[0]': 'card',
      'payment_method_types[1]': 'sepa_debit',
      'line_items[0][quantity]': '1',
      'line_items[0][price_data][currency]': 'eur',
      'line_items[0][price_data][unit_amount]': '2300',
      'line_items[0][price_data][product_data][name]': name,
    });
  }

  async pay(method: string): Promise<void> {
    const { id } = await this.openSession();
    await this.api(`payment_pages/${id}/confirm`, { payment_method: method });
  }

  async startDebit(): Promise<void> {
    const method = await this.api('payment_methods', {
      type: 'sepa_debit',
      'sepa_debit[iban]': 'AT611904300234573201',
      'billing_details[name]': 'Ana Berg',
      'billing_details[email]': 'ana@example.com',
    });
    await this.pay(method.id);
  }
}

interface Fixtures {
  readonly sandbox: Sandbox;
  /** Fail the test if the page logs an error or a warning, such as a violated content policy. */
  readonly quietConsole: string[];
}

const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  sandbox: async ({}, use) => {
    const sandbox = new Sandbox();
    try {
      await sandbox.start();
      await use(sandbox);
    } finally {
      await sandbox.stop();
      rmSync(sandbox.folder, { recursive: true, force: true });
    }
  },
  quietConsole: [
    async ({ page }, use) => {
      const messages: string[] = [];
      page.on('pageerror', (error) => messages.push(String(error)));
      page.on('console', (message) => {
        // The browser itself logs every status of 400 and above, and every address that does not answer.
        const answer = message.text().startsWith('Failed to load resource');
        if (!answer && ['error', 'warning'].includes(message.type())) messages.push(message.text());
      });
      await use(messages);
      expect(messages, 'nothing in the console').toEqual([]);
    },
    { auto: true },
  ],
});

test.use({ viewport: { width: 1280, height: 800 } });

/** Move the focus by keyboard. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    if (await target.evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${target} cannot be reached by Tab`);
}

async function press(page: Page, target: Locator): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press('Enter');
}

function shownMessage(page: Page): Locator {
  return page.locator('#message');
}

function button(page: Page, name: string): Locator {
  return page.getByRole('button', { name, exact: true });
}

test('expire a session by keyboard alone', async ({ page, sandbox }) => {
  const { id } = await sandbox.openSession();
  await page.goto(sandbox.url);
  await press(page, page.getByRole('link', { name: id }));
  await expect(page.getByRole('heading', { level: 2, name: '€23.00 Open' })).toBeFocused();
  await press(page, button(page, 'Expire'));
  await expect(shownMessage(page)).toHaveText('The session has expired.');
  const heading = page.getByRole('heading', { level: 2, name: '€23.00 Expired' });
  await expect(heading, 'the pressed button is gone, its place is kept').toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('link', { name: /^Expired €23\.00/ })).toBeFocused();
});

test('send an event again by keyboard alone', async ({ page, sandbox }) => {
  const got: string[] = [];
  const hook = createServer((request, response) => {
    let body = '';
    request.on('data', (text) => {
      body += String(text);
    });
    request.on('end', () => {
      got.push(JSON.parse(body).id);
      response.end('thank you');
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`;
    await sandbox.api('webhook_endpoints', { url, 'enabled_events[]': 'product.created' });
    await sandbox.api('products', { name: 'Mug' });
    await expect.poll(() => got.length).toBe(1);
    await page.goto(sandbox.url);
    await press(page, page.getByRole('link', { name: /^Events/ }));
    await expect(page.getByRole('heading', { level: 1, name: 'Events' })).toBeFocused();
    await press(page, page.getByRole('link', { name: 'product.created' }));
    await press(page, button(page, 'Resend'));
    await expect(shownMessage(page)).toHaveText('Sent again to 1 receiver.');
    await expect(button(page, 'Resend')).toBeFocused();
    await expect(page.locator('#detail').getByText('200 OK')).toHaveCount(2);
    expect(got).toEqual([got[0], got[0]]);
    await press(page, page.getByText('Response').first());
    await expect(page.locator('pre', { hasText: 'thank you' }).first()).toBeVisible();
  } finally {
    hook.closeAllConnections();
    await new Promise((resolve) => hook.close(resolve));
  }
});

test('settle a debit by keyboard alone', async ({ page, sandbox }) => {
  await sandbox.startDebit();
  await page.goto(`${sandbox.url}/#/payments`);
  await press(page, page.getByRole('link', { name: 'Waiting for the bank' }));
  await press(page, button(page, 'Make the debit succeed'));
  await expect(shownMessage(page)).toHaveText('The debit has succeeded.');
  await expect(page.getByRole('heading', { level: 2, name: '€23.00 Paid' })).toBeFocused();
});

test('what happens meanwhile appears, and takes neither focus nor what is typed', async ({ page, sandbox }) => {
  await sandbox.pay('pm_card_visa');
  await page.goto(`${sandbox.url}/#/payments`);
  await page.getByRole('link', { name: 'Paid €23.00' }).click();
  const amount = page.getByLabel(/^Amount in EUR/);
  await amount.fill('12');
  await page.locator('summary', { hasText: 'JSON of the payment' }).click();
  await amount.focus();
  await sandbox.pay('pm_card_visa');
  await expect(page.getByRole('link', { name: 'Paid €23.00' })).toHaveCount(2);
  await expect(amount).toBeFocused();
  await expect(amount).toHaveValue('12');
  await expect(page.locator('#detail details[open]')).toHaveCount(1);
  await amount.press('Enter');
  await expect(shownMessage(page)).toHaveText('€12.00 refunded.');
  await expect(amount).toHaveValue('11.00');
  await amount.fill('a lot');
  await amount.press('Enter');
  await expect(page.getByRole('alert')).toContainText('a lot is not a valid amount in EUR');
  await expect(amount).toHaveValue('a lot');
});

test('a dispute is opened and won on the page', async ({ page, sandbox }) => {
  await sandbox.pay('pm_card_visa');
  await page.goto(`${sandbox.url}/#/payments`);
  await page.getByRole('link', { name: 'Paid €23.00' }).click();
  await button(page, 'Dispute: fraudulent').click();
  await page.getByLabel('Evidence').fill('The customer has it.');
  await button(page, 'Submit evidence').click();
  await expect(page.getByRole('heading', { name: '€23.00 Under review' })).toBeVisible();
  await button(page, 'Win').click();
  await expect(page.getByRole('heading', { name: '€23.00 Won' })).toBeVisible();
});

test('the clock is advanced, and trouble goes on and off', async ({ page, sandbox }) => {
  await sandbox.openSession();
  await page.goto(`${sandbox.url}/#/controls`);
  await page.getByLabel(/^Advance by/).fill('nonsense');
  await button(page, 'Advance').click();
  await expect(page.getByRole('alert')).toContainText('Invalid advance');
  await button(page, 'Advance 1 day').click();
  await expect(shownMessage(page)).toContainText('It is now ');
  await expect(page.locator('#clock')).toContainText('1 day ahead');
  await page.getByLabel('Sent twice').fill('50');
  await button(page, 'Apply').click();
  const nav = page.getByRole('navigation');
  await expect(nav.getByText('trouble is on')).toBeVisible();
  await expect(page.getByLabel('Sent twice')).toHaveValue('50');
  await button(page, 'Switch all off').click();
  await expect(nav.getByText('trouble is on')).toHaveCount(0);
  await expect(page.getByLabel('Sent twice')).toHaveValue('0');
  await page.getByRole('link', { name: /^Sessions/ }).click();
  await expect(page.getByRole('link', { name: 'Expired €23.00' })).toBeVisible();
});

test('the sandbox goes away and comes back', async ({ page, sandbox }) => {
  await sandbox.openSession();
  await page.goto(sandbox.url);
  const rows = page.getByRole('link', { name: 'Open €23.00' });
  await expect(rows).toBeVisible();
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await sandbox.stop();
  await expect(page.getByText('Connection lost')).toBeVisible();
  await expect(rows, 'what was read stays').toBeVisible();
  await sandbox.start();
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await sandbox.openSession();
  await expect(rows).toHaveCount(2);
});

test('hostile text is only text, at every width', async ({ page, sandbox }) => {
  const { id } = await sandbox.openSession(HOSTILE);
  for (const width of [360, 700, 1024, 1600]) {
    await page.setViewportSize({ width, height: 700 });
    await page.goto(`${sandbox.url}/#/sessions/${id}`);
    await expect(page.getByText(`1 × ${HOSTILE}`, { exact: true })).toBeVisible();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, `${width} px`).toBeLessThanOrEqual(0);
  }
  await expect(page.locator('#main img')).toHaveCount(0);
});

test('long lists are loaded further, searched, and linked to', async ({ page, sandbox }) => {
  for (let number = 0; number < 60; number += 1) await sandbox.api('products', { name: `Mug ${number}` });
  await page.goto(`${sandbox.url}/#/events`);
  const rows = page.locator('#list a.row');
  await expect(rows).toHaveCount(50);
  await press(page, button(page, 'Load more'));
  await expect(rows).toHaveCount(60);
  await expect(rows.nth(50)).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(rows.nth(51)).toBeFocused();
  const id = await rows.nth(51).getAttribute('data-row');
  await page.getByLabel('Search').fill(id ?? '');
  await expect(rows).toHaveCount(1);
  await expect(page.getByLabel('Search')).toBeFocused();
  await page.reload();
  await expect(rows).toHaveCount(1);
  await page.getByLabel('Show').selectOption('Not delivered');
  await expect(page.getByText('No matches.')).toBeVisible();
  await button(page, 'Clear').click();
  await expect(rows).toHaveCount(50);
});
