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
