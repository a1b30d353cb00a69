-- Orders as the shop's own systems read them: by what changed since a snapshot of the database, with items and charges.
--
-- Of a span of the change log each order comes once, at its last change in the span, however its transactions committed. All statements
-- that read a span have the same last parameters: the current snapshot, the last seq read of the span, statuses or null, limit. OFFSET 0
-- has the planner look up one order after the other, in the sequence of their changes, until the page is full.

-- name: read_feed_end
-- The current snapshot, and the newest change with its transaction: a cursor is of no use in a database that lacks it.
SELECT pg_current_snapshot()::text AS snapshot, seq, xid::text AS xid
FROM (VALUES (1)) AS always LEFT JOIN LATERAL (SELECT seq, xid FROM order_changes ORDER BY seq DESC LIMIT 1) AS newest ON true;

-- name: change_exists
-- $1 seq, $2 xid: the newest change when the cursor was made; $3 the cursor's snapshot, which must not be of the future.
SELECT pg_snapshot_xmax($3::text::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot())
    AND ($1::bigint IS NULL OR EXISTS (SELECT FROM order_changes WHERE seq = $1 AND xid = $2::text::xid8));

-- name: read_orders_changed_between
-- $1 the previous snapshot. Orders with a change that is visible in $2 and was not in $1.
WITH fresh AS MATERIALIZED (
    SELECT order_id, max(seq) AS change_seq
    FROM order_changes
    WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
        AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
    GROUP BY order_id
)
SELECT changed.change_seq, found.*
FROM (SELECT order_id, change_seq FROM fresh WHERE change_seq > $3 ORDER BY change_seq OFFSET 0) AS changed
CROSS JOIN LATERAL (SELECT * FROM order_rows WHERE id = changed.order_id OFFSET 0) AS found
WHERE $4::text[] IS NULL OR found.status = ANY($4)
ORDER BY changed.change_seq LIMIT $5;

-- name: read_orders_changed_since
-- $1 since. Orders with a change since then that is visible in $2. The first is found by halving, as in read_changes_since.
WITH RECURSIVE halved (low, high) AS (
    SELECT 0::bigint, coalesce((SELECT max(seq) FROM order_changes), 0) + 1
    UNION ALL
    SELECT CASE WHEN is_earlier THEN middle ELSE low END, CASE WHEN is_earlier THEN high ELSE middle END
    FROM halved
    CROSS JOIN LATERAL (SELECT (low + high) / 2 AS middle) AS half
    CROSS JOIN LATERAL (
        SELECT (SELECT at < $1::timestamptz - interval '1 hour' FROM order_changes WHERE seq >= middle ORDER BY seq LIMIT 1) AS is_earlier
    ) AS look
    WHERE high - low > 1
)
SELECT change.seq AS change_seq, found.*
FROM order_changes AS change
CROSS JOIN LATERAL (SELECT * FROM order_rows WHERE id = change.order_id OFFSET 0) AS found
WHERE change.seq > greatest($3::bigint, (SELECT max(low) FROM halved)) AND change.at >= $1
    AND pg_visible_in_snapshot(change.xid, $2::text::pg_snapshot) AND ($4::text[] IS NULL OR found.status = ANY($4))
    AND NOT EXISTS (
        SELECT FROM order_changes AS later
        WHERE later.order_id = change.order_id AND later.seq > change.seq AND pg_visible_in_snapshot(later.xid, $2::text::pg_snapshot))
ORDER BY change.seq LIMIT $5;

-- name: read_sold_items
-- $1 order ids
SELECT order_id, sku, name, unit_amount, quantity, amount, amount_discount FROM order_items WHERE order_id = ANY($1::uuid[])
ORDER BY order_id, position;

-- name: read_sold_charges
-- $1 order ids. Of the order's mode, oldest first.
SELECT charges.order_id, charges.id, payment_id, charges.status, charges.created_at, method, brand, last4, funding, country, wallet, network,
       decline_code, nullif(decline_message, '') AS decline_message, risk_level, nullif(risk_score, -1) AS risk_score
FROM charges JOIN orders ON orders.id = charges.order_id AND orders.livemode = charges.livemode
WHERE charges.order_id = ANY($1::uuid[]) ORDER BY charges.order_id, charges.created_at, charges.id;
