-- $1 ids of the sessions, $2 ids of the events that were delivered: all events of payments that were refunded.
WITH refunded AS (
    SELECT orders.* FROM checkout_sessions AS session JOIN orders ON orders.id = session.order_id WHERE session.id = ANY ($1::text[])
)
SELECT 'orders refunded' AS "check", count(*) FILTER (WHERE status = 'refunded') AS got, cardinality($1::text[])::bigint AS want
FROM refunded
UNION ALL
SELECT 'orders whose refunded amount is their total', count(*) FILTER (WHERE amount_refunded = amount_total), cardinality($1::text[])
FROM refunded
UNION ALL
SELECT 'changes to completed and to refunded, one each for each order', count(*), 2 * cardinality($1::text[])
FROM order_changes JOIN refunded ON refunded.id = order_id WHERE to_status IN ('completed', 'refunded')
UNION ALL
SELECT 'refunds, one for each order', count(*), cardinality($1::text[])
FROM payments JOIN refunded ON refunded.id = order_id JOIN refunds ON refunds.payment_id = payments.id
UNION ALL
SELECT 'events applied once', count(*), cardinality($2::text[])
FROM stripe_events WHERE id = ANY ($2::text[]) AND status = 'applied' AND attempts = 1 AND order_id IS NOT NULL
UNION ALL
SELECT 'payloads stored once', count(*), cardinality($2::text[]) FROM stripe_event_payloads WHERE event_id = ANY ($2::text[])
