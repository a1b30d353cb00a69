-- Waiting until an answer is durable, and checking that the server can write.

-- name: confirm_durable
-- Write a WAL record if this transaction has written nothing, so that its commit waits for the disk and the standby like any other.
-- Returns whether the server is read-only.
SELECT current_setting('transaction_read_only') = 'on' AS read_only,
       CASE WHEN current_setting('transaction_read_only') = 'off' AND pg_current_xact_id_if_assigned() IS NULL
            THEN pg_logical_emit_message(true, 'held', '') END AS written;

-- name: use_some_room
-- Write about 200 kB to a temporary file. On a full disk this fails with 53100, as a table would. A WAL record alone does not fail,
-- because its file is allocated in advance.
SELECT count(*) FROM generate_series(1, CASE WHEN set_config('work_mem', '64kB', true) IS NULL THEN 0 ELSE 8000 END);
