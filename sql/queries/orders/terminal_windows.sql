-- What the terminal shows in addition to the lists: last events, lengths and ranks.
--
-- A list's length and ranks are read from the index alone. The statement is chosen as for the list itself (order_lists.sql).

-- name: read_last_events
-- $1 order ids. The last event of each order that has one.
SELECT wanted.id AS order_id, last.type, last.received_at
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT type, received_at FROM stripe_events WHERE order_id = wanted.id ORDER BY received_at DESC LIMIT 1
) AS last;

-- name: read_orders_by_ids
-- $1 order ids
SELECT * FROM order_rows WHERE id = ANY($1::uuid[]);

-- name: read_order_numbers
-- $1 order ids
SELECT id, number FROM orders WHERE id = ANY($1::uuid[]);

-- name: count_orders
-- $1 since, $2 until, $3 statuses: null
SELECT count(*) FROM orders WHERE created_at >= $1 AND created_at < $2 AND $3::text[] IS NULL;

-- name: count_orders_of_status
-- $3 statuses
SELECT count(*) FROM orders WHERE status = ANY($3::text[]) AND created_at >= $1 AND created_at < $2;

-- name: count_orders_with_attention
-- $3 statuses or null
SELECT count(*) FROM orders
WHERE attention <> '{}' AND created_at >= $1 AND created_at < $2 AND ($3::text[] IS NULL OR status = ANY($3::text[]));

-- name: skip_orders
-- $1 since, $2 and $3 created_at and number of the previous order, $4 how many to skip, $5 statuses: null. The last order skipped.
SELECT created_at, number FROM orders
WHERE created_at >= $1 AND (created_at, number) < ($2, $3::bigint) AND $5::text[] IS NULL
ORDER BY created_at DESC, number DESC OFFSET $4::bigint - 1 LIMIT 1;

-- name: skip_orders_of_status
-- $5 statuses: see list_orders_of_status
SELECT page.created_at, page.number
FROM unnest($5::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT created_at, number FROM orders
    WHERE orders.status >= wanted.status AND orders.status <= wanted.status
        AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    ORDER BY orders.status, created_at DESC, number DESC LIMIT $4::bigint
) AS page
ORDER BY created_at DESC, number DESC OFFSET $4::bigint - 1 LIMIT 1;

-- name: skip_orders_with_attention
-- $5 statuses or null
SELECT created_at, number FROM orders
WHERE attention <> '{}' AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
ORDER BY created_at DESC, number DESC OFFSET $4::bigint - 1 LIMIT 1;

-- name: may_write
-- Whether this database user may change orders.
SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'
    AND has_table_privilege('orders', 'UPDATE') AND has_table_privilege('order_changes', 'INSERT')
    AND has_table_privilege('acts', 'INSERT');
