-- Follow the change log from one snapshot of the database to the next. Each change is read once, even if concurrent transactions
-- commit in another order than their sequence numbers.

-- name: read_snapshot
SELECT pg_current_snapshot()::text;

-- name: read_changes_between
-- $1 the previous snapshot, $2 the current snapshot, $3 the last seq read of this span, $4 limit. Changes visible in $2 but not in $1.
WITH fresh AS MATERIALIZED (
    SELECT seq, order_id, at, from_status, to_status, cause, actor, note
    FROM order_changes
    WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
        AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot) AND seq > $3
)
SELECT seq, order_id, number, at, from_status, to_status, cause, actor, note
FROM fresh JOIN orders ON orders.id = order_id ORDER BY seq LIMIT $4;

-- name: read_changes_since
-- $1 since, $2 the current snapshot, $3 the last seq read of this span, $4 limit. Changes since $1 that are visible in $2.
SELECT seq, order_id, number, at, from_status, to_status, cause, actor, note
FROM order_changes JOIN orders ON orders.id = order_id
WHERE at >= $1 AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot) AND seq > $3
ORDER BY seq LIMIT $4;
