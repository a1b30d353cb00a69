-- Pages of Stripe's events, newest first, and single events with their payload.
--
-- As with orders, the most selective filter chooses the statement: an order's events, then those of an error, types, statuses but applied.
-- $1 since; $2 and $3 an upper bound (exclusive) of received_at and id: the last event of the previous page, or `until`; $4 limit,
-- $5 statuses or null, $6 types or null, $7 order id or null

-- name: list_events
SELECT id, type, status, reason, order_id, api_version, livemode, created_at, received_at, applied_at, attempts, next_attempt_at,
       last_error, (SELECT number FROM orders WHERE orders.id = order_id) AS number
FROM stripe_events
WHERE received_at >= $1 AND (received_at, id) < ($2, $3)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND ($6::text[] IS NULL OR type = ANY($6::text[]))
    AND ($7::uuid IS NULL OR order_id = $7)
ORDER BY received_at DESC, id DESC LIMIT $4;

-- name: list_events_of_order
SELECT id, type, status, reason, order_id, api_version, livemode, created_at, received_at, applied_at, attempts, next_attempt_at,
       last_error, (SELECT number FROM orders WHERE orders.id = order_id) AS number
FROM stripe_events
WHERE order_id = $7::uuid
    AND received_at >= $1 AND (received_at, id) < ($2, $3)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND ($6::text[] IS NULL OR type = ANY($6::text[]))
ORDER BY received_at DESC, id DESC LIMIT $4;

-- name: list_events_of_type
-- One page for each type and status, merged: each is one range of the index.
SELECT page.*, (SELECT number FROM orders WHERE orders.id = order_id) AS number
FROM unnest($6::text[]) AS wanted (type)
CROSS JOIN unnest(coalesce($5::text[], '{applied,ignored,failed,dead,dismissed}')) AS outcome (status)
CROSS JOIN LATERAL (
    SELECT id, stripe_events.type, stripe_events.status, reason, order_id, api_version, livemode, created_at, received_at, applied_at,
           attempts, next_attempt_at, last_error
    FROM stripe_events
    WHERE (stripe_events.type, stripe_events.status, received_at) >= (wanted.type, outcome.status, $1)
        AND (stripe_events.type, stripe_events.status, received_at, id) < (wanted.type, outcome.status, $2, $3)
        AND ($7::uuid IS NULL OR order_id = $7)
    ORDER BY stripe_events.type DESC, stripe_events.status DESC, received_at DESC, id DESC LIMIT $4
) AS page
ORDER BY received_at DESC, id DESC LIMIT $4;

-- name: list_unapplied_events
-- One page for each status but applied, merged: see list_orders_of_status. $8 error fingerprint or null
SELECT page.*, (SELECT number FROM orders WHERE orders.id = order_id) AS number
FROM unnest($5::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT id, type, stripe_events.status, reason, order_id, api_version, livemode, created_at, received_at, applied_at, attempts,
           next_attempt_at, last_error
    FROM stripe_events
    WHERE stripe_events.status >= wanted.status AND stripe_events.status <= wanted.status
        AND stripe_events.status <> 'applied'
        AND received_at >= $1 AND (received_at, id) < ($2, $3)
        AND ($6::text[] IS NULL OR type = ANY($6::text[]))
        AND ($7::uuid IS NULL OR order_id = $7)
        AND ($8::text IS NULL OR left(encode(sha256(convert_to(last_error, 'UTF8')), 'hex'), 8) = $8)
    ORDER BY stripe_events.status, received_at DESC, id DESC LIMIT $4
) AS page
ORDER BY received_at DESC, id DESC LIMIT $4;

-- name: list_events_named
-- $1 ids
SELECT id, type, status, reason, order_id, api_version, livemode, created_at, received_at, applied_at, attempts, next_attempt_at,
       last_error, (SELECT number FROM orders WHERE orders.id = order_id) AS number
FROM stripe_events WHERE id = ANY($1::text[]);

-- name: sort_events
-- $1 ids, $2 limit. Newest first, in the sequence of the pages.
SELECT id FROM stripe_events WHERE id = ANY($1::text[]) ORDER BY received_at DESC, id DESC LIMIT $2;

-- name: find_orders_named
-- $1 ids of events whose order is not known because they were not applied. The order that an event's payload names: by its id, or by a
-- session, PaymentIntent or charge of it.
SELECT DISTINCT ON (event.id) event.id, orders.id AS order_id, orders.number
FROM stripe_events AS event
JOIN stripe_event_payloads AS held ON held.event_id = event.id AND held.received_at = event.received_at
CROSS JOIN LATERAL regexp_matches(
    left(held.payload, 50000), '"((?:cs|pi|ch|py)_\w+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"', 'g') AS named
LEFT JOIN links AS link ON link.source_id = named[1] AND link.rank = 3
LEFT JOIN payments ON payments.id IN (named[1], link.target_id)
LEFT JOIN checkout_sessions AS session ON session.id = named[1]
JOIN orders ON orders.id = coalesce(payments.order_id, session.order_id, CASE WHEN named[1] ~ '^[0-9a-f]{8}-' THEN named[1]::uuid END)
WHERE event.id = ANY($1::text[])
ORDER BY event.id, orders.number;

-- name: find_events_naming
-- $1 ids of events, $2 order id. Those whose payload has the order's id, or that of a session, PaymentIntent or charge of it:
-- find_orders_named decides. OFFSET 0: links and payloads are found by their keys, whatever is expected of the number of rows.
WITH named AS MATERIALIZED (
    SELECT $2::uuid::text AS name
    UNION ALL
    SELECT id FROM checkout_sessions WHERE order_id = $2::uuid
    UNION ALL
    SELECT id FROM payments WHERE order_id = $2::uuid
    UNION ALL
    SELECT link.source_id
    FROM payments
    CROSS JOIN LATERAL (SELECT source_id FROM links WHERE target_id = payments.id AND rank = 3 OFFSET 0) AS link
    WHERE order_id = $2::uuid
)
SELECT event.id
FROM stripe_events AS event
CROSS JOIN LATERAL (
    SELECT payload FROM stripe_event_payloads AS held
    WHERE held.event_id = event.id AND held.received_at = event.received_at OFFSET 0
) AS held
WHERE event.id = ANY($1::text[]) AND EXISTS (SELECT FROM named WHERE strpos(held.payload, named.name) > 0);

-- name: read_order_begin
-- $1 order id. When the first event about an order can have been received: clocks differ.
SELECT created_at - interval '1 day' FROM orders WHERE id = $1::uuid;

-- name: list_error_groups
-- $1 livemode: without the events of the other mode; or null
-- Failed and dead events by error fingerprint (as in list_unapplied_events), each group with its latest event.
SELECT left(encode(sha256(convert_to(last_error, 'UTF8')), 'hex'), 8) AS fingerprint, last_error AS error,
       array_agg(DISTINCT type ORDER BY type) AS types, count(*) AS events, count(*) FILTER (WHERE status = 'dead') AS dead,
       min(received_at) AS first_at, max(received_at) AS last_at, (array_agg(id ORDER BY received_at DESC, id DESC))[1] AS example_id
FROM stripe_events
WHERE status IN ('failed', 'dead') AND last_error IS NOT NULL AND ($1::boolean IS NULL OR livemode IS DISTINCT FROM NOT $1)
GROUP BY last_error
ORDER BY last_at DESC, fingerprint DESC;

-- name: read_event
-- $1 id. The payload is null once retention has deleted it.
SELECT id, type, status, reason, order_id, api_version, livemode, created_at, stripe_events.received_at, applied_at, attempts,
       next_attempt_at, last_error, (SELECT number FROM orders WHERE orders.id = order_id) AS number, payload
FROM stripe_events
LEFT JOIN stripe_event_payloads AS held ON held.event_id = stripe_events.id AND held.received_at = stripe_events.received_at
WHERE id = $1;

-- name: read_payloads
-- $1 ids. The payloads that retention has left.
SELECT id, payload FROM stripe_events
JOIN stripe_event_payloads AS held ON held.event_id = stripe_events.id AND held.received_at = stripe_events.received_at
WHERE id = ANY($1::text[]);

-- name: read_event_outcomes
-- $1 ids. Each event's outcome, with the change of its order that it caused, or the order's status twice.
SELECT stripe_events.id, type, stripe_events.status, reason, order_id, last_error, received_at, orders.number,
       coalesce(caused.from_status, orders.status) AS from_status, coalesce(caused.to_status, orders.status) AS to_status
FROM stripe_events
LEFT JOIN orders ON orders.id = order_id
LEFT JOIN LATERAL (
    SELECT from_status, to_status FROM order_changes
    WHERE order_changes.order_id = stripe_events.order_id AND note = stripe_events.id AND cause = type
    ORDER BY seq LIMIT 1
) AS caused ON true
WHERE stripe_events.id = ANY($1::text[]);
