-- $1 ids of the sessions, $2 ids of the events that were delivered. One row for each check.
WITH paid AS (
    SELECT orders.* FROM checkout_sessions AS session JOIN orders ON orders.id = session.order_id WHERE session.id = ANY ($1::text[])
)
SELECT 'orders completed' AS "check", count(*) FILTER (WHERE status = 'completed') AS got, cardinality($1::text[])::bigint AS want
FROM paid
UNION ALL
SELECT 'changes to completed, one for each order', count(*), cardinality($1::text[])
FROM order_changes JOIN paid ON paid.id = order_id WHERE to_status = 'completed'
UNION ALL
SELECT 'payments observed once, with the order''s total', count(*), cardinality($1::text[])
FROM payments JOIN paid ON paid.id = order_id JOIN payment_observations AS seen ON seen.payment_id = payments.id
WHERE seen.amount = paid.amount_total
UNION ALL
SELECT 'events applied once', count(*), cardinality($2::text[])
FROM stripe_events WHERE id = ANY ($2::text[]) AND status = 'applied' AND attempts = 1 AND order_id IS NOT NULL
UNION ALL
SELECT 'payloads stored once', count(*), cardinality($2::text[]) FROM stripe_event_payloads WHERE event_id = ANY ($2::text[])
