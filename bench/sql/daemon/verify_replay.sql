-- $1 ids of the sessions, $2 ids of the events that were delivered and then applied again.
WITH paid AS (
    SELECT orders.* FROM checkout_sessions AS session JOIN orders ON orders.id = session.order_id WHERE session.id = ANY ($1::text[])
)
SELECT 'orders completed' AS "check", count(*) FILTER (WHERE status = 'completed') AS got, cardinality($1::text[])::bigint AS want
FROM paid
UNION ALL
SELECT 'changes to completed, one for each order', count(*), cardinality($1::text[])
FROM order_changes JOIN paid ON paid.id = order_id WHERE to_status = 'completed'
UNION ALL
SELECT 'events applied', count(*), cardinality($2::text[]) FROM stripe_events WHERE id = ANY ($2::text[]) AND status = 'applied'
