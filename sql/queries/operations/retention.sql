-- name: try_retention_lock
-- $1 key of the advisory lock. Returns false if another transaction is dropping partitions.
SELECT pg_try_advisory_xact_lock($1::bigint);

-- name: bound_retention_waits
-- While we wait for the table's lock, all deliveries queue behind us.
SET LOCAL lock_timeout = '1s';

-- name: drop_payload_partition
-- $1 keep payloads received from this time on
SELECT drop_payload_partition($1);

-- name: drop_stray_payloads
-- $1 the same, for payloads outside the weekly partitions. Payloads of failed and dead events stay.
DELETE FROM stripe_event_payloads_default AS payload
WHERE received_at < $1
    AND NOT EXISTS (SELECT FROM stripe_events WHERE id = payload.event_id AND status IN ('failed', 'dead'));

-- name: drop_unowned_charges
-- $1 the same, for charges of no known order: what other programs of the account sold.
DELETE FROM charges WHERE order_id IS NULL AND created_at < $1;
