-- What makes an answer durable, and tells whether the server can make any.

-- name: confirm_durable
-- A WAL record where this transaction has written nothing: its commit then waits for the disk and the standby like any other.
-- Answers whether the server is read-only.
SELECT current_setting('transaction_read_only') = 'on' AS read_only,
       CASE WHEN current_setting('transaction_read_only') = 'off' AND pg_current_xact_id_if_assigned() IS NULL
            THEN pg_logical_emit_message(true, 'held', '') END AS written;

-- name: use_some_room
-- Writes some 200 kB to a temporary file and forgets them, as a table could be: on a full disk it fails with 53100. A WAL record
-- alone does not, for its file is as long as it will be.
SELECT count(*) FROM generate_series(1, CASE WHEN set_config('work_mem', '64kB', true) IS NULL THEN 0 ELSE 8000 END);
