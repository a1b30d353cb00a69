-- Which commits wait for which standbys, and how far those are behind.

-- name: describe_replication
SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('synchronous_standby_names') AS wanted,
       pg_is_in_recovery() AS in_recovery;

-- name: list_standbys
-- State and position are null for a user without pg_monitor.
SELECT application_name AS name, state, sync_state, replay_lag,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_insert_lsn(), replay_lsn)::bigint END AS bytes_behind
FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' ORDER BY application_name;
