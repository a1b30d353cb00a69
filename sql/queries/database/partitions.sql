-- name: ensure_payload_partitions
-- $1 today, or null for the database's date, $2 number of weeks ahead
SELECT ensure_payload_partitions(coalesce($1::date, (now() AT TIME ZONE 'UTC')::date), $2::integer);
