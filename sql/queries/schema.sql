-- Migrations and partitions.

-- name: schema_exists
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: schema_state
SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest_code), 0) AS oldest_code FROM schema_migrations;

-- name: lock_migrations
-- $1 key of the advisory lock
SELECT pg_advisory_xact_lock($1::bigint);

-- name: record_migration
-- $1 version, $2 name, $3 oldest code that may still run
INSERT INTO schema_migrations (version, name, oldest_code) VALUES ($1, $2, $3);

-- name: limit_lock_waits
-- $1 milliseconds, until the transaction ends
SELECT set_config('lock_timeout', $1, true);

-- name: make_backfills
-- A migration older than this table may need it.
CREATE TABLE IF NOT EXISTS schema_backfills (version integer PRIMARY KEY, position text NOT NULL);

-- name: begin_backfill
-- $1 the migration's version, $2 its first position
INSERT INTO schema_backfills (version, position) VALUES ($1, $2);

-- name: count_backfills
SELECT count(*) FROM schema_backfills;

-- name: oldest_backfill
SELECT version, position FROM schema_backfills ORDER BY version LIMIT 1;

-- name: lock_backfill
-- $1 version. A process that waits for this lock sees the other's progress afterwards.
SELECT position FROM schema_backfills WHERE version = $1 FOR UPDATE;

-- name: try_index_lock
-- $1 key of the advisory lock, which is held by the session
SELECT pg_try_advisory_lock($1::bigint);

-- name: release_index_lock
-- $1 key of the advisory lock
SELECT pg_advisory_unlock($1::bigint);

-- name: index_is_broken
-- $1 name of an index
SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1::text);

-- name: end_indexes
-- $1 version, $2 the position that means its indexes are not built
UPDATE schema_backfills SET position = '' WHERE version = $1 AND position = $2;

-- name: move_backfill
-- $1 version, $2 end of the last batch
UPDATE schema_backfills SET position = $2 WHERE version = $1;

-- name: end_backfill
-- $1 version
DELETE FROM schema_backfills WHERE version = $1;

-- name: ensure_payload_partitions
-- $1 today, or null for the database's date, $2 number of weeks ahead
SELECT ensure_payload_partitions(coalesce($1::date, (now() AT TIME ZONE 'UTC')::date), $2::integer);
