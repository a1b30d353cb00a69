-- Whether a standby shows what was done on the primary.

-- name: last_change
-- The position in the log after everything that has been changed until now.
SELECT pg_current_wal_insert_lsn()::text;

-- name: how_far_behind
-- $1 a position in the log, or null. Whether this server shows it, and how many seconds it is behind: 0 if it has replayed everything
-- that it has received and is still connected. A server that is no standby is never behind.
SELECT NOT pg_is_in_recovery() OR $1::text IS NULL OR pg_last_wal_replay_lsn() >= $1::text::pg_lsn AS has_awaited,
       CASE WHEN NOT pg_is_in_recovery()
              OR (pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL))
            THEN 0
            ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) END::float8 AS seconds;
