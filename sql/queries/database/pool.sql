-- name: confirm_durable
-- Write a WAL record if this transaction has written nothing, so that its commit waits for the disk and the standby like any other.
-- Returns whether the server is read-only.
SELECT current_setting('transaction_read_only') = 'on' AS read_only,
       CASE WHEN current_setting('transaction_read_only') = 'off' AND pg_current_xact_id_if_assigned() IS NULL
            THEN pg_logical_emit_message(true, 'held', '') END AS written;

-- name: notify
-- $1 channel
SELECT pg_notify($1, '');
