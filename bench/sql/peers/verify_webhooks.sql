-- $1 ids of the sessions, $2 ids of the events that were delivered. One row for each check.
SELECT 'orders completed' AS "check", count(*) FILTER (WHERE status = 'completed') AS got, cardinality($1::text[])::bigint AS want
FROM orders WHERE stripe_session_id = ANY ($1::text[])
UNION ALL
SELECT 'orders changed exactly once', count(*) FILTER (WHERE version = 1), cardinality($1::text[])
FROM orders WHERE stripe_session_id = ANY ($1::text[])
UNION ALL
SELECT 'events recorded once', count(*), cardinality($2::text[])
FROM processed_events WHERE event_id = ANY ($2::text[])
