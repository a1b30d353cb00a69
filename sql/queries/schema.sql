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

-- name: create_payload_partition
-- {name} of the partition, {start} and {end} of its week: identifiers and bounds cannot be parameters of DDL
CREATE TABLE IF NOT EXISTS {name} PARTITION OF stripe_event_payloads FOR VALUES FROM ('{start}Z') TO ('{end}Z');
