-- Erasing customers.

-- name: forgettable_orders
-- $1 made before, $2 limit. Orders that were never paid and cannot be paid any more, oldest first. OFFSET 0: what excludes an order is
-- looked up for each, and not read whole.
SELECT id, created_at FROM orders
WHERE erased_at IS NULL AND paid_at IS NULL AND status IN ('pending', 'failed', 'expired', 'canceled') AND created_at < $1
    AND NOT EXISTS (SELECT FROM payments WHERE order_id = orders.id OFFSET 0)
    AND NOT EXISTS (SELECT FROM checkout_sessions WHERE order_id = orders.id AND status = 'open' OFFSET 0)
ORDER BY created_at LIMIT $2;

-- name: read_erasure_state
-- $1 order id. What decides whether the order may be erased, and the email by which to find the customer's other orders.
SELECT number, status, customer_email, created_at, erased_at,
       EXISTS (SELECT FROM checkout_sessions WHERE order_id = orders.id AND status = 'open') AS has_open_session,
       EXISTS (SELECT FROM refund_requests WHERE order_id = orders.id AND answered_at IS NULL) AS has_refund_under_way,
       EXISTS (SELECT FROM dispute_requests WHERE order_id = orders.id AND answered_at IS NULL) AS has_answer_under_way,
       EXISTS (
           SELECT FROM payments JOIN disputes ON disputes.payment_id = payments.id
           WHERE payments.order_id = orders.id AND disputes.livemode = orders.livemode
               AND disputes.status IN ('warning_needs_response', 'needs_response', 'appeal_needs_response')
       ) AS has_waiting_dispute,
       EXISTS (SELECT FROM stripe_events WHERE order_id = orders.id AND status IN ('failed', 'dead')) AS has_unapplied_event
FROM orders WHERE id = $1;

-- name: orders_of_customer
-- $1 email, case-insensitive
SELECT id, number FROM orders WHERE lower(customer_email) = lower($1) ORDER BY created_at, number;

-- name: former_emails
-- $1 order id. The emails that its sessions were made with, unless another order has them.
SELECT DISTINCT attempt.parameters::jsonb #>> '{session,customer_email}' AS email
FROM session_attempts AS attempt
WHERE attempt.order_id = $1 AND NOT EXISTS (
    SELECT FROM orders
    WHERE lower(customer_email) = lower(attempt.parameters::jsonb #>> '{session,customer_email}') AND orders.id <> attempt.order_id)
    AND attempt.parameters::jsonb #>> '{session,customer_email}' <> '';

-- name: remarks_elsewhere
-- $1 order id, whose row must be locked. What operators may have written about the order's customer outside of the order: in the notes of
-- batches and their proposals, of what was to do about its messages, events, sessions and proposals, and of events that were dismissed
-- while nobody knew that they were the order's. An item that stands for several messages or events has the fingerprint of their error,
-- as in list_message_groups and list_error_groups. `orders`: of the batches that have a note still, which each of their orders got.
WITH batched AS (
    SELECT batch FROM batch_items WHERE order_id = $1::uuid
    UNION
    SELECT item.batch
    FROM batches AS replay
    CROSS JOIN LATERAL (
        SELECT id FROM stripe_events WHERE order_id = $1::uuid
        UNION ALL
        SELECT id::text FROM outbox WHERE order_id = $1::uuid
    ) AS replayed
    JOIN batch_items AS item ON item.batch = replay.number AND item.subject = replayed.id
    WHERE replay.act IN ('replay_events', 'replay_messages')
), noted AS (
    SELECT number, act FROM batches WHERE number IN (SELECT batch FROM batched) AND note <> ''
), todo AS (
    SELECT 'proposal_open:' || number AS item FROM proposals WHERE order_id = $1::uuid OR batch IN (SELECT batch FROM batched)
    UNION ALL
    SELECT 'order_missing:' || id FROM checkout_sessions WHERE order_id = $1::uuid
    UNION ALL
    SELECT 'event_dead:' || named.subject
    FROM stripe_events
    CROSS JOIN LATERAL unnest(ARRAY[id, left(encode(sha256(convert_to(last_error, 'UTF8')), 'hex'), 8)]) AS named (subject)
    WHERE order_id = $1::uuid
    UNION ALL
    SELECT 'message_dead:' || named.subject
    FROM outbox
    CROSS JOIN LATERAL unnest(ARRAY[
        id::text,
        CASE WHEN status IN ('failed', 'dead', 'dismissed')
             THEN left(encode(sha256(convert_to(channel || ' ' || coalesce(last_error, ''), 'UTF8')), 'hex'), 8) END
    ]) AS named (subject)
    WHERE order_id = $1::uuid
)
SELECT ARRAY(SELECT batch FROM batched) AS batches,
       ARRAY(SELECT item FROM item_care WHERE item IN (SELECT todo.item FROM todo)) AS items,
       ARRAY(SELECT id FROM stripe_events WHERE order_id = $1::uuid AND attempts > 1) AS events,
       ARRAY(
           SELECT item.order_id::text FROM noted JOIN batch_items AS item ON item.batch = noted.number WHERE item.order_id IS NOT NULL
           UNION
           SELECT event.order_id::text
           FROM noted JOIN batch_items AS item ON item.batch = noted.number JOIN stripe_events AS event ON event.id = item.subject
           WHERE noted.act = 'replay_events' AND event.order_id IS NOT NULL
           UNION
           SELECT message.order_id::text
           FROM noted JOIN batch_items AS item ON item.batch = noted.number
           JOIN outbox AS message ON message.id = CASE noted.act WHEN 'replay_messages' THEN item.subject::uuid END
           WHERE message.order_id IS NOT NULL
       ) AS orders;

-- name: blank_batch_notes
-- $1 batches, $2 their orders. Blank the notes of the batches where they were given to the orders. Before erase_order, which blanks the
-- batches themselves.
WITH written AS (
    SELECT DISTINCT note FROM batches WHERE number = ANY($1::bigint[]) AND note <> ''
), remarks AS (
    UPDATE acts SET note = '' WHERE order_id = ANY($2::uuid[]) AND note IN (SELECT note FROM written)
)
UPDATE order_changes SET note = '' WHERE order_id = ANY($2::uuid[]) AND note IN (SELECT note FROM written);

-- name: erase_order
-- $1 order id, whose row must be locked, $2 batches with a part in it. Delete everything that names the customer or was written about them.
-- Of notes in the change log, those that are an id of Stripe stay. What another system called an imported payment is its item's name.
WITH attempts AS (
    UPDATE session_attempts SET
        parameters = (parameters::jsonb #- '{session,customer_email}' #- '{session,payment_intent_data,shipping}')::text, error = CASE WHEN error IS NOT NULL THEN 'erased' END
    WHERE order_id = $1::uuid
), sessions AS (
    UPDATE checkout_sessions SET url = NULL WHERE order_id = $1::uuid
), keys AS (
    DELETE FROM order_keys WHERE order_id = $1::uuid
), sent AS (
    UPDATE order_shipping SET name = '', line1 = '', line2 = '', city = '', state = '', postal_code = '', tracking_number = '', tracking_url = ''
    WHERE order_id = $1::uuid
), drafts AS (
    UPDATE dispute_drafts SET texts = NULL WHERE order_id = $1::uuid
), answers AS (
    UPDATE dispute_requests SET texts = NULL, receipt = NULL, error = CASE WHEN error IS NOT NULL THEN 'erased' END
    WHERE order_id = $1::uuid
), remarks AS (
    UPDATE acts SET note = '' WHERE order_id = $1::uuid
), changes AS (
    UPDATE order_changes SET note = '' WHERE order_id = $1::uuid AND note !~ '^(cs_(test|live)|evt|pi|ch|py|re|pyr|du|dp|po|issfr)_[A-Za-z0-9]{14,}$'
), bought AS (
    UPDATE order_items SET name = 'Payment'
    WHERE order_id = $1::uuid AND sku = 'PAYMENT' AND EXISTS (SELECT FROM orders WHERE id = $1::uuid AND imported_from IS NOT NULL)
), mails AS (
    UPDATE outbox SET
        payload = NULL,
        status = CASE WHEN channel = 'mail' AND status IN ('queued', 'failed', 'dead') THEN 'skipped' ELSE status END,
        last_error = CASE WHEN channel = 'mail' AND status IN ('queued', 'failed', 'dead')
                          THEN 'the customer''s address was erased' END
    WHERE order_id = $1::uuid
), charged AS (
    UPDATE charges SET
        brand = NULL, last4 = NULL, funding = NULL, country = NULL, wallet = NULL, network = NULL, decline_message = NULL,
        assessed_at = NULL, risk_level = NULL, risk_score = NULL
    WHERE order_id = $1::uuid
), events AS (
    UPDATE stripe_events SET last_error = NULL WHERE order_id = $1::uuid AND status IN ('applied', 'ignored', 'dismissed')
), items AS (
    UPDATE batch_items SET outcome = NULL, kind = CASE WHEN kind IS NOT NULL THEN 'erased' END WHERE order_id = $1::uuid
), proposed AS (
    UPDATE proposals SET note = '' WHERE order_id = $1::uuid OR batch = ANY($2::bigint[])
), notes AS (
    UPDATE batches SET note = '' WHERE number = ANY($2::bigint[])
)
UPDATE orders SET
    customer_name = '', customer_email = '', customer_phone = '', locale = NULL, idempotency_key = NULL, request_hash = NULL,
    erased_at = now()
WHERE id = $1::uuid;

-- name: blank_item_notes
-- $1 items of what is to do
UPDATE item_care SET note = NULL, note_by = NULL, note_at = NULL WHERE item = ANY($1::text[]);

-- name: drop_payloads_of_order
-- $1 order id. Returns the events whose payloads were deleted.
DELETE FROM stripe_event_payloads AS payload USING stripe_events AS event
WHERE event.order_id = $1::uuid AND payload.event_id = event.id AND payload.received_at = event.received_at
RETURNING event.id;

-- name: unapplied_events_about
-- $1 from, $2 until, $3 ids, $4 emails. Failed and dead events without an order whose payloads contain one of the ids or emails. Because of
-- OFFSET 0, each payload is found by its key, whatever is expected of the number of events, and lowered once. The ids may be thousands:
-- those that a payload names are extracted from it, what JSON escapes apart, and looked up in a hash of $3, which IS TRUE keeps from
-- becoming a join.
SELECT held.id FROM (
    SELECT event.id, lower(stored.payload) AS payload FROM stripe_events AS event
    CROSS JOIN LATERAL (
        SELECT payload FROM stripe_event_payloads WHERE event_id = event.id AND received_at = event.received_at OFFSET 0
    ) AS stored
    WHERE event.order_id IS NULL AND event.received_at >= $1 AND event.received_at < $2 AND event.status IN ('failed', 'dead')
    OFFSET 0
) AS held
WHERE EXISTS (SELECT FROM unnest($4::text[]) AS email WHERE strpos(held.payload, lower(email)) > 0)
    OR EXISTS (
        SELECT FROM (VALUES
            ('[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'),
            ('\\[bfnrt]|\\u[0-9a-f]{4}|[a-z]+_[a-z0-9_]+')
        ) AS id (pattern)
        CROSS JOIN LATERAL regexp_matches(replace(held.payload, '_secret_', ' '), id.pattern, 'g') AS named
        WHERE (named[1] IN (SELECT lower(wanted) FROM unnest($3::text[]) AS wanted)) IS TRUE
    )
ORDER BY held.id LIMIT 10;

-- name: drop_unowned_payloads_about
-- The same for ignored and dismissed events, whose payloads are deleted. Returns their ids.
DELETE FROM stripe_event_payloads
WHERE received_at >= $1 AND received_at < $2 AND event_id = ANY(ARRAY(
    SELECT held.id FROM (
        SELECT event.id, lower(stored.payload) AS payload FROM stripe_events AS event
        CROSS JOIN LATERAL (
            SELECT payload FROM stripe_event_payloads WHERE event_id = event.id AND received_at = event.received_at OFFSET 0
        ) AS stored
        WHERE event.order_id IS NULL AND event.received_at >= $1 AND event.received_at < $2 AND event.status IN ('ignored', 'dismissed')
        OFFSET 0
    ) AS held
    WHERE EXISTS (SELECT FROM unnest($4::text[]) AS email WHERE strpos(held.payload, lower(email)) > 0)
        OR EXISTS (
            SELECT FROM (VALUES
                ('[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'),
                ('\\[bfnrt]|\\u[0-9a-f]{4}|[a-z]+_[a-z0-9_]+')
            ) AS id (pattern)
            CROSS JOIN LATERAL regexp_matches(replace(held.payload, '_secret_', ' '), id.pattern, 'g') AS named
            WHERE (named[1] IN (SELECT lower(wanted) FROM unnest($3::text[]) AS wanted)) IS TRUE
        )
))
RETURNING event_id AS id;

-- name: drop_payloads_after_erasure
-- $1 and $2 the time and id of the last event that was looked at, $3 limit. Delete payloads that arrived after their order was erased: an
-- event of a refund or dispute names the customer again. Returns the last event that was looked at; no row if none is left. OFFSET 0: each
-- order is found by its key.
WITH looked AS MATERIALIZED (
    SELECT id, received_at, order_id, status FROM stripe_events
    WHERE (received_at, id) > ($1, $2::text) ORDER BY received_at, id LIMIT $3
), dropped AS (
    DELETE FROM stripe_event_payloads
    WHERE received_at >= $1 AND event_id = ANY(ARRAY(
        SELECT looked.id FROM looked CROSS JOIN LATERAL (
            SELECT FROM orders WHERE orders.id = looked.order_id AND erased_at IS NOT NULL OFFSET 0) AS erased
        WHERE looked.status IN ('applied', 'ignored', 'dismissed')))
)
SELECT received_at, id FROM looked ORDER BY received_at DESC, id DESC LIMIT 1;
