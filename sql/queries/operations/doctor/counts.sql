-- The database's side of `checkout doctor`.

-- name: newest_livemode
-- The mode of the newest order.
SELECT number, livemode FROM orders ORDER BY created_at DESC, number DESC LIMIT 1;

-- name: count_late_effects
SELECT count(*) FROM orders WHERE attention <> '{}' AND 'appeared_late' = ANY(attention);
