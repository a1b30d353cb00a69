// Sell something with one major version of the official Node SDK. Usage: node stripe_node.mjs FOLDER BASE_URL KEY MAJOR
// Exits with 1 and says why where anything is not as Stripe's documentation has it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [folder, base, key, major] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const Stripe = require(`stripe-${major}`).default ?? require(`stripe-${major}`);
const { hostname, port } = new URL(base);
const stripe = new Stripe(key, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });

const customer = await stripe.customers.create({ email: 'ana@example.com', metadata: { a: '1' } });
const product = await stripe.products.create({ name: 'Tea' });
const price = await stripe.prices.create({ currency: 'eur', unit_amount: 500, product: product.id });
const session = await stripe.checkout.sessions.create({
  mode: 'payment',
  ui_mode: Number(major) < 21 ? 'hosted' : 'hosted_page',
  customer: customer.id,
  success_url: 'https://shop.example/ok',
  line_items: [{ price: price.id, quantity: 2 }],
});
assert.equal(session.amount_total, 1000);
const items = await stripe.checkout.sessions.listLineItems(session.id);
assert.equal(items.data[0].quantity, 2);
assert.equal((await stripe.checkout.sessions.expire(session.id)).status, 'expired');

const paid = await stripe.paymentIntents.create({
  amount: 1000, currency: 'eur', customer: customer.id, payment_method: 'pm_card_visa', payment_method_types: ['card'],
  confirm: true, expand: ['latest_charge'],
}, { idempotencyKey: `node-${major}` });
assert.equal(paid.status, 'succeeded');
assert.equal(paid.latest_charge.paid, true);
const again = await stripe.paymentIntents.create({
  amount: 1000, currency: 'eur', customer: customer.id, payment_method: 'pm_card_visa', payment_method_types: ['card'],
  confirm: true, expand: ['latest_charge'],
}, { idempotencyKey: `node-${major}` });
assert.equal(again.id, paid.id);
assert.equal((await stripe.refunds.create({ payment_intent: paid.id, amount: 300 })).status, 'succeeded');
await assert.rejects(
  stripe.paymentIntents.create({
    amount: 1000, currency: 'eur', payment_method: 'pm_card_chargeDeclined', payment_method_types: ['card'], confirm: true,
  }),
  (error) => error.type === 'StripeCardError' && error.code === 'card_declined',
);
await assert.rejects(stripe.customers.create({ emale: 'a' }), /Received unknown parameter: emale/);
let listed = 0;
for await (const each of stripe.events.list({ limit: 3, type: 'customer.created' })) {
  listed += each.object === 'event' ? 1 : 0;
}
assert.ok(listed >= 1);
const endpoint = await stripe.webhookEndpoints.create({
  url: 'http://127.0.0.1:9/hook', enabled_events: ['charge.succeeded'],
});
const body = JSON.stringify({ id: 'evt_1', object: 'event', type: 'charge.succeeded', data: { object: {} } });
const header = stripe.webhooks.generateTestHeaderString({ payload: body, secret: endpoint.secret });
assert.equal(stripe.webhooks.constructEvent(body, header, endpoint.secret).id, 'evt_1');
await stripe.webhookEndpoints.del(endpoint.id);
