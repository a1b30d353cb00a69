-- Migrations and partitions.

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
