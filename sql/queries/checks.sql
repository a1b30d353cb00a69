-- The database's side of `checkout doctor`.

-- name: describe_server
SELECT current_setting('server_version_num')::integer AS version_number, current_setting('server_version') AS version,
       clock_timestamp() AS now;

-- name: read_now
-- The transaction's start by the database's clock.
SELECT now();

-- name: newest_livemode
-- The mode of the newest order.
SELECT number, livemode FROM orders ORDER BY created_at DESC, number DESC LIMIT 1;

-- name: count_late_effects
SELECT count(*) FROM orders WHERE attention <> '{}' AND 'appeared_late' = ANY(attention);

-- name: count_letters
SELECT (SELECT count(*) FROM stripe_events WHERE status = 'failed') AS events_failed,
       (SELECT count(*) FROM stripe_events WHERE status IN ('failed', 'dead') AND status = 'dead') AS events_dead,
       (SELECT count(*) FROM outbox WHERE status = 'dead') AS messages_dead;
