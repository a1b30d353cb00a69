-- Stripe's events as they come in, and their payloads.

-- name: held_events
-- $1 ids. The events that are stored already, with the hash of their body.
SELECT id, body_hash FROM stripe_events WHERE id = ANY($1::text[]);

-- name: confirm_held
-- $1 ids. The same as JSON, made durable by the commit of this statement: see confirm_durable (sql/queries/database/pool.sql).
SELECT json_agg(json_build_array(id, encode(body_hash, 'hex'))) AS held, current_setting('transaction_read_only') = 'on' AS read_only,
       CASE WHEN current_setting('transaction_read_only') = 'off' THEN pg_logical_emit_message(true, 'held', '') END AS written
FROM stripe_events WHERE id = ANY($1::text[]);

-- name: adopt_events
-- $1 subject ids, $2 their order ids. Events that arrived before their order was known become applied, and their charges get the order.
WITH charged AS (
    UPDATE charges SET order_id = orders.id, ordered_at = orders.created_at, order_number = orders.number
    FROM unnest($1::text[], $2::uuid[]) AS known (subject_id, order_id) JOIN orders ON orders.id = known.order_id
    WHERE charges.payment_id = known.subject_id
)
UPDATE stripe_events SET status = 'applied', reason = NULL, order_id = known.order_id, applied_at = now()
FROM unnest($1::text[], $2::uuid[]) AS known (subject_id, order_id)
WHERE stripe_events.subject_id = known.subject_id AND reason = 'no_order';

-- name: claim_due_event
-- The failed event that has been due longest and that no other transaction has claimed: nobody waits for this advisory lock, so it has
-- no place in the sequence of locks. The event's row is locked later (lock_events). A time further away than any backoff was written by
-- a wrong clock.
WITH due AS MATERIALIZED (
    SELECT id, type, status, received_at, attempts FROM stripe_events
    WHERE status = 'failed' AND (next_attempt_at <= now() OR next_attempt_at > now() + interval '8 hours')
    ORDER BY next_attempt_at LIMIT 50
), claimed AS MATERIALIZED (
    SELECT * FROM due WHERE pg_try_advisory_xact_lock(hashtextextended(id, 0)) LIMIT 1
)
SELECT id, type, status, received_at, attempts, payload
FROM claimed
LEFT JOIN LATERAL (
    SELECT payload FROM stripe_event_payloads AS held
    WHERE held.event_id = claimed.id AND held.received_at = claimed.received_at OFFSET 0
) AS held ON true;

-- name: read_events
-- $1 ids. OFFSET 0: each payload is found by the key, whatever is expected of the number of rows.
SELECT id, type, status, event.received_at, attempts, payload
FROM stripe_events AS event
LEFT JOIN LATERAL (
    SELECT payload FROM stripe_event_payloads AS held
    WHERE held.event_id = event.id AND held.received_at = event.received_at OFFSET 0
) AS held ON true
WHERE id = ANY($1::text[]);

-- name: lock_events
-- $1 ids. In one sequence for all, so that two transactions do not deadlock.
SELECT id, status, attempts FROM stripe_events WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE;

-- name: record_attempt
-- $1 id, $2 status, $3 reason, $4 order id, $5 subject id, $6 next_attempt_at, $7 last error. The payload of an event that is applied to an
-- erased order goes, as in record_attempts: it names the customer, and the event may be too old for drop_payloads_after_erasure.
WITH tried AS (
    UPDATE stripe_events SET
        status = $2, reason = $3, order_id = $4, subject_id = $5, next_attempt_at = $6, last_error = $7, attempts = attempts + 1,
        applied_at = CASE WHEN $2 = 'applied' THEN now() ELSE applied_at END
    WHERE id = $1
    RETURNING id, order_id
)
DELETE FROM stripe_event_payloads WHERE event_id = ANY(ARRAY(
    SELECT tried.id FROM tried CROSS JOIN LATERAL (
        SELECT FROM orders WHERE orders.id = tried.order_id AND erased_at IS NOT NULL OFFSET 0) AS erased));

-- name: dismiss_events
-- $1 ids. Returns those that were dead.
UPDATE stripe_events SET status = 'dismissed'
WHERE id IN (SELECT id FROM stripe_events WHERE id = ANY($1::text[]) AND status = 'dead' ORDER BY id FOR NO KEY UPDATE)
RETURNING id, order_id;

-- name: record_attempts
-- $1 ids, statuses, reasons, order ids and subject ids of events that did not fail, as cells (database/cells.py)
WITH tried AS (
    UPDATE stripe_events SET
        status = outcome.status, reason = outcome.reason, order_id = outcome.order_id, subject_id = outcome.subject_id,
        next_attempt_at = NULL, last_error = NULL, attempts = attempts + 1,
        applied_at = CASE WHEN outcome.status = 'applied' THEN now() ELSE applied_at END
    FROM string_to_array($1, E'\x1d') AS part,
        unnest(cells(part[1]), cells(part[2]), cells(part[3]), cells(part[4])::uuid[], cells(part[5]))
            AS outcome (id, status, reason, order_id, subject_id)
    WHERE stripe_events.id = outcome.id
    RETURNING stripe_events.id, stripe_events.order_id
)
DELETE FROM stripe_event_payloads WHERE event_id = ANY(ARRAY(
    SELECT tried.id FROM tried CROSS JOIN LATERAL (
        SELECT FROM orders WHERE orders.id = tried.order_id AND erased_at IS NOT NULL OFFSET 0) AS erased));
