-- The stored state of orders, the change log and the messages owed.

-- name: lock_orders
-- $1 order ids. Locks their rows in the order of the ids, so that concurrent transactions do not deadlock.
SELECT id, number, status, attention, amount_refunded, paid_at, amount_total, currency, livemode
FROM orders WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: record_changes
-- Write derived state, change log and outbox and notify once, in one round trip.
-- $1 order ids, $2 statuses, $3 attentions (comma-separated), $4 amounts refunded, $5 paid_at: the orders that changed
-- $6 order ids, $7 from, $8 to, $9 causes, $10 actors, $11 notes: what changed, in order
-- $12 order ids, $13 kinds, $14 subject ids, $15 channels: the messages owed
-- $16 channel to notify
WITH changed AS (
    UPDATE orders SET
        status = new.status, attention = string_to_array(new.attention, ','), amount_refunded = new.amount_refunded,
        paid_at = new.paid_at, updated_at = now()
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[])
        AS new (id, status, attention, amount_refunded, paid_at)
    WHERE orders.id = new.id
), logged AS (
    INSERT INTO order_changes (order_id, from_status, to_status, cause, actor, note)
    SELECT * FROM unnest($6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
), owed AS (
    INSERT INTO outbox (order_id, kind, subject_id, channel)
    SELECT * FROM unnest($12::uuid[], $13::text[], $14::text[], $15::text[])
    ON CONFLICT (order_id, kind, subject_id, channel) DO NOTHING
)
SELECT pg_notify($16, '');
