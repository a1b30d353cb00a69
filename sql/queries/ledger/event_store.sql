-- Stripe's events as they come in, and their payloads.

-- name: held_events
-- $1 ids. The events that are stored already, with the hash of their body.
SELECT id, body_hash FROM stripe_events WHERE id = ANY($1::text[]);

-- name: adopt_events
-- $1 subject ids, $2 their order ids. Events that arrived before their order was known become applied.
UPDATE stripe_events SET status = 'applied', reason = NULL, order_id = known.order_id, applied_at = now()
FROM unnest($1::text[], $2::uuid[]) AS known (subject_id, order_id)
WHERE stripe_events.subject_id = known.subject_id AND reason = 'no_order';

-- name: claim_due_event
-- The failed event that has been due longest, locked for this transaction. A time further away than any backoff was written by a
-- wrong clock.
SELECT id, received_at, attempts FROM stripe_events
WHERE status = 'failed' AND (next_attempt_at <= now() OR next_attempt_at > now() + interval '8 hours')
ORDER BY next_attempt_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;

-- name: lock_event
-- $1 id
SELECT id, received_at, attempts FROM stripe_events WHERE id = $1 FOR NO KEY UPDATE;

-- name: lock_events
-- $1 ids. In one sequence for all, so that two replays do not deadlock. OFFSET 0: each payload is found by the key, whatever is
-- expected of the number of rows.
SELECT id, type, status, event.received_at, attempts, payload
FROM stripe_events AS event
LEFT JOIN LATERAL (
    SELECT payload FROM stripe_event_payloads AS held
    WHERE held.event_id = event.id AND held.received_at = event.received_at OFFSET 0
) AS held ON true
WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE OF event;

-- name: read_payload
-- $1 event id, $2 its received_at
SELECT payload FROM stripe_event_payloads WHERE event_id = $1 AND received_at = $2;

-- name: record_attempt
-- $1 id, $2 status, $3 reason, $4 order id, $5 subject id, $6 next_attempt_at, $7 last error
UPDATE stripe_events SET
    status = $2, reason = $3, order_id = $4, subject_id = $5, next_attempt_at = $6, last_error = $7, attempts = attempts + 1,
    applied_at = CASE WHEN $2 = 'applied' THEN now() ELSE applied_at END
WHERE id = $1;

-- name: record_attempts
-- $1 ids, $2 statuses, $3 reasons, $4 order ids, $5 subject ids, of events that did not fail
UPDATE stripe_events SET
    status = tried.status, reason = tried.reason, order_id = tried.order_id, subject_id = tried.subject_id, next_attempt_at = NULL,
    last_error = NULL, attempts = attempts + 1,
    applied_at = CASE WHEN tried.status = 'applied' THEN now() ELSE applied_at END
FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[]) AS tried (id, status, reason, order_id, subject_id)
WHERE stripe_events.id = tried.id;
