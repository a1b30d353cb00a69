-- Migrations and partitions.

-- name: schema_exists
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: schema_state
SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest_code), 0) AS oldest_code FROM schema_migrations;

-- name: lock_migrations
-- $1 the advisory lock's key
SELECT pg_advisory_xact_lock($1::bigint);

-- name: record_migration
-- $1 version, $2 name, $3 oldest code that may still run
INSERT INTO schema_migrations (version, name, oldest_code) VALUES ($1, $2, $3);

-- name: ensure_payload_partitions
-- $1 today, $2 how many weeks ahead
SELECT ensure_payload_partitions($1::date, $2::integer);
