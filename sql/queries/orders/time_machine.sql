-- When what is held about an order became known.

-- name: known_times
-- $1 order id. For each object `kind`, `id`, when it became known, and when Stripe last reported on it. `about` is a refund's request, or
-- what an act is about.
WITH paid AS (
    SELECT id, created_at FROM payments WHERE order_id = $1
)
SELECT 'session' AS kind, id, '' AS about, created_at AS known_from, greatest(known_at, unknown_at) AS reported_at
FROM checkout_sessions WHERE order_id = $1
UNION ALL SELECT 'payment', id, '', created_at, NULL FROM paid
UNION ALL SELECT 'refund', id, coalesce(request_id, ''), created_at, greatest(known_at, unknown_at) FROM refunds
          WHERE payment_id IN (SELECT id FROM paid)
UNION ALL SELECT 'dispute', id, '', created_at, observed_at FROM disputes WHERE payment_id IN (SELECT id FROM paid)
UNION ALL SELECT kind, reason, subject, at, NULL FROM acts WHERE order_id = $1 AND kind <> 'noted'
UNION ALL SELECT 'closed', 'refund', id::text, answered_at, NULL FROM refund_requests WHERE order_id = $1 AND error IS NOT NULL
UNION ALL SELECT 'closed', 'session', attempt::text, closed_at, NULL FROM doubtful_attempts
          WHERE order_id = $1 AND closed_at IS NOT NULL
UNION ALL SELECT 'payment_canceled', session.id, '', canceled_at, NULL
          FROM checkout_sessions AS session JOIN links ON source_id = session.id JOIN canceled_payments AS canceled ON canceled.id = target_id
          WHERE session.order_id = $1;

-- name: was_oversold
-- $1 order id. Whether it is, or ever was, paid for pieces that were not there for it.
SELECT EXISTS (SELECT FROM stock_reservations WHERE order_id = $1 AND state = 'oversold')
    OR EXISTS (SELECT FROM outbox WHERE order_id = $1 AND kind = 'order.attention' AND starts_with(subject_id, 'oversold:'));

-- name: payloads_of_order
-- $1 order id. The payloads of its events, as far as they are still stored.
SELECT held.payload, event.received_at
FROM stripe_events AS event
JOIN stripe_event_payloads AS held ON held.event_id = event.id AND held.received_at = event.received_at
WHERE event.order_id = $1 AND event.status = 'applied';
