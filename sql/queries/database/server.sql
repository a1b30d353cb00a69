-- The PostgreSQL server itself.

-- name: describe_server
SELECT current_setting('server_version_num')::integer AS version_number, current_setting('server_version') AS version,
       clock_timestamp() AS now;

-- name: read_now
-- The transaction's start by the database's clock.
SELECT now();
