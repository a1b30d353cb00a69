// Load everything with stripe-sync-engine. Usage: node sync_engine.mjs FOLDER BASE_URL DATABASE_URL KEY
// Prints a JSON object: rows by table, and the kinds that failed.
import { createRequire } from 'node:module';

const [folder, base, databaseUrl, key] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { StripeSync, runMigrations } = require('@supabase/stripe-sync-engine');
const Stripe = require('stripe-23').default ?? require('stripe-23');
const pg = require('pg');

const KINDS = [
  'product', 'price', 'plan', 'customer', 'subscription', 'subscription_schedules', 'invoice', 'charge',
  'setup_intent', 'payment_intent', 'payment_method', 'dispute', 'credit_note', 'refund', 'checkout_sessions',
];
const TABLES = ['customers', 'subscriptions', 'subscription_items', 'invoices', 'charges', 'prices', 'products'];

await runMigrations({ databaseUrl, schema: 'stripe' });
const sync = new StripeSync({
  poolConfig: { connectionString: databaseUrl, max: 3 },
  stripeSecretKey: key,
  stripeWebhookSecret: 'whsec_unused',
  autoExpandLists: true,
  backfillRelatedEntities: true,
});
const { hostname, port } = new URL(base);
sync.stripe = new Stripe(key, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
const failed = {};
for (const object of KINDS) {
  try {
    await sync.syncBackfill({ object });
  } catch (error) {
    failed[object] = String(error.message).slice(0, 300);
  }
}
const client = new pg.Client(databaseUrl);
await client.connect();
const rows = {};
for (const table of TABLES) {
  rows[table] = Number((await client.query(`SELECT count(*) FROM stripe.${table}`)).rows[0].count);
}
await client.end();
console.log(JSON.stringify({ rows, failed }));
process.exit(0);
