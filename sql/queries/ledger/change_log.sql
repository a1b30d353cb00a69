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
-- $1 since, $2 the current snapshot, $3 the last seq read of this span, $4 limit. Changes since $1 that are visible in $2. They follow the
-- last change of an hour before, which is found by halving: sequence numbers and times grow together, but for transactions at once.
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
SELECT seq, order_id, number, at, from_status, to_status, cause, actor, note
FROM order_changes JOIN orders ON orders.id = order_id
WHERE seq > greatest($3::bigint, (SELECT max(low) FROM halved)) AND at >= $1 AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
ORDER BY seq LIMIT $4;
