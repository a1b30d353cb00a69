/** The lists of the page by the sandbox's names: their titles, filters, and texts when empty. */

export const VIEWS = {
  sessions: {
    title: 'Checkout sessions',
    nav: 'Sessions',
    search: 'ID, email or reference',
    only: [['', 'All'], ['open', 'Open'], ['paid', 'Paid'], ['unpaid', 'Completed, not paid'], ['expired', 'Expired']],
    empty: 'No Checkout session yet. It appears here as soon as a shop creates it.',
  },
  payments: {
    title: 'Payments',
    nav: 'Payments',
    search: 'ID, amount or metadata',
    only: [
      ['', 'All'], ['succeeded', 'Paid'], ['waiting', 'Waiting'], ['failed', 'Refused'], ['refunded', 'Refunded'],
      ['disputed', 'Disputed'],
    ],
    empty: 'No payment yet. Open a session’s payment page and pay with a test card.',
  },
  events: {
    title: 'Events',
    nav: 'Events',
    search: 'ID of an event or an object',
    only: [['', 'All'], ['undelivered', 'Not delivered'], ['unheard', 'No receivers']],
    types: true,
    empty: 'No event yet. Every change of a session or a payment creates one.',
  },
  deliveries: {
    title: 'Webhook deliveries',
    nav: 'Webhooks',
    search: 'ID or event type',
    only: [['', 'All'], ['failed', 'Failing']],
    types: true,
    empty: 'Nothing was sent yet. Events go to webhook endpoints and to stripe listen.',
  },
  requests: {
    title: 'API requests',
    nav: 'Requests',
    search: 'Path, ID or idempotency key',
    only: [['', 'All'], ['failed', 'Failed'], ['changes', 'Changes only']],
    empty: 'No API request yet. Point a Stripe SDK or the Stripe CLI at this address.',
  },
  controls: { title: 'Clock and trouble', nav: 'Clock and trouble' },
};
