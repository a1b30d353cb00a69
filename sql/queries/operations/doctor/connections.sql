-- How many connections the server allows and has.

-- name: count_connections
-- A limit of -1 means no limit. Without pg_monitor, other users' connections are counted, too.
SELECT current_setting('max_connections')::integer AS most,
       current_setting('superuser_reserved_connections')::integer
           + coalesce(current_setting('reserved_connections', true)::integer, 0) AS reserved,
       seen.open, seen.ours,
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit
-- Both of one look: some end between two.
FROM (
    SELECT count(*)::integer AS open, count(*) FILTER (WHERE usename = current_user)::integer AS ours
    FROM pg_stat_activity WHERE datname IS NOT NULL AND usename IS NOT NULL
) AS seen;
