-- Finds orders by anything an operator may know: a number, an id, an id at Stripe, an email.

-- name: find_orders_by_number
-- $1 number
SELECT * FROM order_rows WHERE number = $1;

-- name: find_orders_by_id
-- $1 first and $2 last id of those with a prefix, $3 limit. Of a short prefix that many have, the newest of the first hundreds.
SELECT * FROM order_rows
WHERE id IN (SELECT id FROM orders WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT 200)
ORDER BY created_at DESC, number DESC LIMIT $3;

-- name: find_orders_by_email
-- $1 email, $2 limit
SELECT * FROM order_rows WHERE lower(customer_email) = lower($1) ORDER BY created_at DESC, number DESC LIMIT $2;

-- name: find_orders_by_stripe_id
-- $1 id of a session, PaymentIntent, charge, refund, dispute, fraud warning or event, $2 limit. The object's own row is asked for its order first,
-- then its payment, then that payment's session, and last the links.
WITH start (node) AS (
    SELECT $1::text
    UNION SELECT payment_id FROM refunds WHERE id = $1
    UNION SELECT payment_id FROM disputes WHERE id = $1
    UNION SELECT payment_id FROM fraud_warnings WHERE id = $1
    UNION SELECT subject_id FROM stripe_events WHERE id = $1 AND subject_id IS NOT NULL
), payment (node) AS (
    SELECT node FROM start
    UNION SELECT target_id FROM start JOIN links ON source_id = node AND rank = 3
), session (node) AS (
    SELECT node FROM payment
    UNION SELECT source_id FROM payment JOIN links ON target_id = node AND rank = 3
), named (place, order_id) AS (
    SELECT 0, order_id FROM stripe_events WHERE id = $1
    UNION ALL SELECT 0, order_id FROM checkout_sessions WHERE id = $1
    UNION ALL SELECT 0, order_id FROM session_attempts WHERE session_id = $1
    UNION ALL SELECT 1, order_id FROM payments WHERE id IN (SELECT node FROM payment)
    UNION ALL SELECT 2, order_id FROM checkout_sessions WHERE id IN (SELECT node FROM session)
    UNION ALL SELECT 3, CASE WHEN target_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN target_id::uuid END
        FROM session JOIN links ON source_id = node AND rank < 3
)
SELECT * FROM order_rows
WHERE id IN (
    SELECT order_id FROM named WHERE place = (SELECT min(place) FROM named WHERE order_id IS NOT NULL) AND order_id IS NOT NULL)
ORDER BY created_at DESC, number DESC LIMIT $2;

-- name: find_orders_by_payer
-- $1 email, $2 limit, $3 how many of the newest events to search. Orders whose payer gave this address on Stripe's page. It is stored
-- only in the payloads of events, which are deleted by retention and when the customer is erased. Only the part of a payload that
-- begins with the payer's details is compared: to make all of it lower-case takes longer than to read it.
SELECT * FROM order_rows
WHERE id = ANY(ARRAY(
    SELECT newest.order_id
    FROM (
        SELECT page.*
        FROM unnest(ARRAY['checkout.session.completed', 'checkout.session.async_payment_succeeded']) AS wanted (type)
        CROSS JOIN LATERAL (
            SELECT id, order_id, received_at FROM stripe_events
            WHERE (stripe_events.type, stripe_events.status) >= (wanted.type, 'applied')
                AND (stripe_events.type, stripe_events.status) <= (wanted.type, 'applied')
            ORDER BY stripe_events.type DESC, stripe_events.status DESC, received_at DESC, id DESC LIMIT $3
        ) AS page
    ) AS newest
    JOIN stripe_event_payloads AS payload ON payload.event_id = newest.id AND payload.received_at = newest.received_at
    CROSS JOIN LATERAL (SELECT strpos(payload.payload, '"customer_details"') AS place) AS details
    WHERE newest.order_id IS NOT NULL AND place > 0
        AND strpos(lower(substr(payload.payload, place, 2000)), lower('"' || $1 || '"')) > 0))
ORDER BY created_at DESC, number DESC LIMIT $2;

-- name: find_orders_by_id_in_payload
-- $1 id of a customer or a request at Stripe, $2 limit, $3 how many of the newest events to search: only their payloads have it.
SELECT * FROM order_rows
WHERE id = ANY(ARRAY(
    SELECT newest.order_id
    FROM (SELECT id, order_id, received_at FROM stripe_events ORDER BY received_at DESC, id DESC LIMIT $3) AS newest
    JOIN stripe_event_payloads AS payload ON payload.event_id = newest.id AND payload.received_at = newest.received_at
    WHERE newest.order_id IS NOT NULL AND strpos(payload.payload, '"' || $1 || '"') > 0))
ORDER BY created_at DESC, number DESC LIMIT $2;
