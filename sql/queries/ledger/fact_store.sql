-- Facts about Stripe objects. They are joined in Python (ledger/facts.py), under the locks taken here; rows are written whole.

-- name: lock_nodes
-- $1 hashes of the ids of sessions, PaymentIntents and charges, ascending. The locks keep a link and a fact that arrive together
-- from missing each other, even while no row of either exists.
SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key;

-- name: load_links
-- $1 nodes and orders; returns all links of everything connected with them, also through orders: an order is only right with
-- all of its sessions and payments. OFFSET 0 makes the planner use the index, whatever number of rows it expects.
WITH RECURSIVE connected (node) AS (
    SELECT unnest($1::text[])
    UNION
    SELECT near.node
    FROM connected
    CROSS JOIN LATERAL (
        SELECT target_id AS node FROM links WHERE source_id = connected.node
        UNION ALL
        SELECT source_id AS node FROM links WHERE target_id = connected.node
        OFFSET 0
    ) AS near
)
SELECT link.source_id, link.target_id, link.rank
FROM connected
CROSS JOIN LATERAL (
    SELECT source_id, target_id, rank FROM links WHERE source_id = connected.node OFFSET 0
) AS link;

-- name: load_facts
-- $1 order ids, $2 nodes and orders; returns the links of everything connected with them and all facts on it, each kind as one
-- JSON array. One statement, so as of one moment: it runs once the orders are locked, when nothing of them can change any more.
-- Rows that were last placed under these orders are returned as well, so that facts which moved away are noticed. OFFSET 0 as above.
WITH RECURSIVE connected (node) AS (
    SELECT unnest($2::text[])
    UNION
    SELECT near.node
    FROM connected
    CROSS JOIN LATERAL (
        SELECT target_id AS node FROM links WHERE source_id = connected.node
        UNION ALL
        SELECT source_id AS node FROM links WHERE target_id = connected.node
        OFFSET 0
    ) AS near
), nodes (ids) AS MATERIALIZED (
    SELECT array_agg(node) FROM connected
), held AS MATERIALIZED (
    SELECT id, order_id FROM payments WHERE order_id = ANY($1::uuid[]) OR id = ANY((SELECT ids FROM nodes)::text[])
)
SELECT
    (SELECT json_agg(json_build_array(link.source_id, link.target_id, link.rank)) FROM connected CROSS JOIN LATERAL (
        SELECT source_id, target_id, rank FROM links WHERE source_id = connected.node OFFSET 0) AS link) AS links,
    (SELECT json_agg(json_build_object(
        'id', id, 'order_id', order_id, 'livemode', livemode, 'status', status, 'payment_status', outcome, 'attempt', attempt,
        'url', url, 'expires_at', expires_at, 'known_at', known_at, 'unknown',
        CASE WHEN unknown_at IS NOT NULL THEN json_build_object('at', unknown_at, 'words', unknown_words) END))
     FROM checkout_sessions
     WHERE order_id = ANY($1::uuid[]) OR id = ANY((SELECT ids FROM nodes)::text[])) AS sessions,
    (SELECT json_agg(json_build_object('id', id, 'order_id', order_id)) FROM held) AS payments,
    (SELECT json_agg(row_to_json(fact)) FROM held CROSS JOIN LATERAL (
        SELECT payment_id, amount, currency, livemode, paid_at
        FROM payment_observations WHERE payment_id = held.id OFFSET 0) AS fact) AS observations,
    (SELECT json_agg(row_to_json(fact)) FROM held CROSS JOIN LATERAL (
        SELECT id, livemode, payment_id, status, amount, currency, request_id AS request, known_at,
               CASE WHEN unknown_at IS NOT NULL THEN json_build_object('at', unknown_at, 'words', unknown_words) END AS unknown
        FROM refunds WHERE payment_id = held.id OFFSET 0) AS fact) AS refunds,
    (SELECT json_agg(row_to_json(fact)) FROM held CROSS JOIN LATERAL (
        SELECT id, livemode, payment_id, status, due_by, amount, currency, reason, observed_at, event_id, unknown_words AS unknown,
               withdrawn_at, reinstated_at
        FROM disputes WHERE payment_id = held.id OFFSET 0) AS fact) AS disputes,
    (SELECT json_agg(row_to_json(fact)) FROM held CROSS JOIN LATERAL (
        SELECT charge_id, livemode, payment_id, amount_refunded, observed_at, event_id
        FROM refund_hints WHERE payment_id = held.id OFFSET 0) AS fact) AS hints,
    (SELECT json_agg(json_build_object('payment_id', id, 'at', canceled_at))
     FROM canceled_payments WHERE id = ANY((SELECT ids FROM nodes)::text[])) AS canceled,
    (SELECT json_agg(json_build_object('order_id', order_id,
                                       'act', json_build_object('kind', kind, 'reason', reason, 'subject', subject)))
     FROM (
        SELECT order_id, kind, reason, subject FROM acts WHERE order_id = ANY($1::uuid[]) AND kind <> 'noted'
        UNION ALL
        SELECT order_id, 'closed', 'refund', id::text FROM refund_requests
        WHERE order_id = ANY($1::uuid[]) AND error IS NOT NULL
        UNION ALL
        SELECT order_id, 'closed', 'session', attempt::text FROM doubtful_attempts
        WHERE order_id = ANY($1::uuid[]) AND closed_at IS NOT NULL
     ) AS act) AS acts;

-- name: write_links
-- $1 source ids, $2 target ids, $3 ranks
INSERT INTO links (source_id, target_id, rank)
SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[])
ON CONFLICT (source_id, target_id) DO UPDATE SET rank = least(links.rank, excluded.rank);

-- name: write_sessions
-- $1 ids, $2 livemodes, $3 attempts, $4 statuses, $5 payment statuses, $6 urls, $7 expires_at, $8 known_at, $9 unknown_at,
-- $10 unknown words, $11 order ids or null
INSERT INTO checkout_sessions (id, livemode, attempt, status, outcome, url, expires_at, known_at, unknown_at, unknown_words, order_id)
SELECT * FROM unnest($1::text[], $2::boolean[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::timestamptz[], $9::timestamptz[], $10::text[], $11::uuid[])
ON CONFLICT (id, livemode) DO UPDATE SET
    order_id = excluded.order_id, attempt = excluded.attempt, status = excluded.status, outcome = excluded.outcome,
    url = excluded.url, expires_at = excluded.expires_at, known_at = excluded.known_at, unknown_at = excluded.unknown_at,
    unknown_words = excluded.unknown_words;

-- name: write_payments
-- $1 ids, $2 order ids or null
INSERT INTO payments (id, order_id) SELECT * FROM unnest($1::text[], $2::uuid[])
ON CONFLICT (id) DO UPDATE SET order_id = excluded.order_id WHERE payments.order_id IS DISTINCT FROM excluded.order_id;

-- name: write_observations
-- $1 payment ids, $2 amounts, $3 currencies, $4 livemodes, $5 paid_at
INSERT INTO payment_observations (payment_id, amount, currency, livemode, paid_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::boolean[], $5::timestamptz[])
ON CONFLICT (payment_id, amount, currency, livemode) DO UPDATE SET paid_at = excluded.paid_at;

-- name: write_refunds
-- $1 ids, $2 livemodes, $3 payment ids, $4 statuses, $5 amounts, $6 currencies, $7 refund requests of ours, $8 known_at,
-- $9 unknown_at, $10 unknown words
INSERT INTO refunds (id, livemode, payment_id, status, amount, currency, request_id, known_at, unknown_at, unknown_words)
SELECT * FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::timestamptz[],
                     $9::timestamptz[], $10::text[])
ON CONFLICT (id, livemode) DO UPDATE SET
    payment_id = excluded.payment_id, status = excluded.status, amount = excluded.amount, currency = excluded.currency,
    request_id = excluded.request_id, known_at = excluded.known_at, unknown_at = excluded.unknown_at,
    unknown_words = excluded.unknown_words;

-- name: write_disputes
-- $1 ids, $2 livemodes, $3 payment ids, $4 statuses, $5 due_by, $6 amounts, $7 currencies, $8 reasons, $9 observed_at, $10 event ids,
-- $11 unknown words, $12 withdrawn_at, $13 reinstated_at
INSERT INTO disputes (id, livemode, payment_id, status, due_by, amount, currency, reason, observed_at, event_id, unknown_words,
                      withdrawn_at, reinstated_at)
SELECT * FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::text[], $8::text[],
                     $9::timestamptz[], $10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[])
ON CONFLICT (id, livemode) DO UPDATE SET
    payment_id = excluded.payment_id, status = excluded.status, due_by = excluded.due_by, amount = excluded.amount,
    currency = excluded.currency, reason = excluded.reason, observed_at = excluded.observed_at, event_id = excluded.event_id,
    unknown_words = excluded.unknown_words, withdrawn_at = excluded.withdrawn_at, reinstated_at = excluded.reinstated_at;

-- name: write_canceled
-- $1 ids of PaymentIntents, $2 when they were canceled
INSERT INTO canceled_payments (id, canceled_at) SELECT * FROM unnest($1::text[], $2::timestamptz[])
ON CONFLICT (id) DO UPDATE SET canceled_at = excluded.canceled_at;

-- name: write_hints
-- $1 charge ids, $2 livemodes, $3 payment ids, $4 amounts refunded, $5 observed_at, $6 event ids
INSERT INTO refund_hints (charge_id, livemode, payment_id, amount_refunded, observed_at, event_id)
SELECT * FROM unnest($1::text[], $2::boolean[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[])
ON CONFLICT (charge_id, livemode) DO UPDATE SET
    payment_id = excluded.payment_id, amount_refunded = excluded.amount_refunded, observed_at = excluded.observed_at,
    event_id = excluded.event_id, checked_at = NULL;

-- name: write_acts
-- $1 order ids, $2 kinds, $3 reasons, $4 subjects, $5 actors; the caller omits acts that are held
INSERT INTO acts (order_id, kind, reason, subject, actor)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]);
