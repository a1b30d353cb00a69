/** The lists of the page, as the sandbox names them, and how each is called, filtered and said to be empty. */

export const VIEWS = {
  sessions: {
    title: 'Checkout sessions',
    nav: 'Sessions',
    search: 'ID, email or reference',
    only: [['', 'All'], ['open', 'Open'], ['paid', 'Paid'], ['unpaid', 'Completed, not paid'], ['expired', 'Expired']],
    empty: 'No Checkout session yet. One appears here as soon as a shop asks for it.',
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
    only: [['', 'All'], ['undelivered', 'Not delivered'], ['unheard', 'Nobody listened']],
    types: true,
    empty: 'No event yet. Everything that happens to a session or a payment writes one.',
  },
  deliveries: {
    title: 'Webhook deliveries',
    nav: 'Webhooks',
    search: 'ID or event type',
    only: [['', 'All'], ['failed', 'Gone wrong']],
    types: true,
    empty: 'Nothing was sent yet. Events go to webhook endpoints and to whoever runs stripe listen.',
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
