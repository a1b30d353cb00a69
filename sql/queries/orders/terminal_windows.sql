-- What the terminal shows in addition to the lists: lengths and ranks.
--
-- A list's length and ranks are read from an index alone. The statement is chosen as for the list itself (order_lists.sql).

-- name: count_orders
-- $1 since, $2 until, $3 statuses: null, $4 count no further than this
SELECT count(*) FROM (
    SELECT FROM orders WHERE created_at >= $1 AND created_at < $2 AND $3::text[] IS NULL ORDER BY created_at DESC, number DESC LIMIT $4
) AS counted;

-- name: count_orders_of_status
-- $3 statuses: each is counted so far, see list_orders_of_status
SELECT count(*) FROM unnest($3::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT FROM orders
    WHERE orders.status >= wanted.status AND orders.status <= wanted.status AND created_at >= $1 AND created_at < $2
    ORDER BY orders.status, created_at DESC, number DESC LIMIT $4
) AS counted;

-- name: count_orders_with_attention
-- $3 statuses or null
SELECT count(*) FROM (
    SELECT FROM orders
    WHERE attention <> '{}' AND created_at >= $1 AND created_at < $2 AND ($3::text[] IS NULL OR status = ANY($3::text[])) LIMIT $4
) AS counted;

-- name: estimate_orders
-- $1 since, $2 until, $3 statuses or null, $4 only with attention. How long the planner expects the list to be.
EXPLAIN (FORMAT JSON)
SELECT FROM orders
WHERE created_at >= $1 AND created_at < $2 AND ($3::text[] IS NULL OR status = ANY($3::text[])) AND (NOT $4 OR attention <> '{}');

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

-- name: skip_orders_from_end
-- $1 since, $2 and $3 created_at and number before which the list ends, $4 how many orders are after the wanted one, $5 statuses: null
SELECT created_at, number FROM orders
WHERE created_at >= $1 AND (created_at, number) < ($2, $3::bigint) AND $5::text[] IS NULL
ORDER BY created_at, number OFFSET $4::bigint LIMIT 1;

-- name: skip_orders_of_status_from_end
-- $5 statuses
SELECT page.created_at, page.number
FROM unnest($5::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT created_at, number FROM orders
    WHERE orders.status >= wanted.status AND orders.status <= wanted.status
        AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    ORDER BY orders.status DESC, created_at, number LIMIT $4::bigint + 1
) AS page
ORDER BY created_at, number OFFSET $4::bigint LIMIT 1;

-- name: skip_flagged_orders_from_end
-- $5 statuses or null
SELECT created_at, number FROM orders
WHERE attention <> '{}' AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
ORDER BY created_at, number OFFSET $4::bigint LIMIT 1;

-- name: may_write
-- Whether this database user may change orders.
SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'
    AND has_table_privilege('orders', 'UPDATE') AND has_table_privilege('order_changes', 'INSERT')
    AND has_table_privilege('acts', 'INSERT');
