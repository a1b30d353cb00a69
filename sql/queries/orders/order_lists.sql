-- Pages of orders, newest first, and everything about one order.
--
-- The most selective filter chooses the statement (ids, then email, attention, status, none), so that each page is read from one end
-- of one index, however many orders there are. All these statements have the same parameters:
-- $1 since (inclusive); $2 and $3 an upper bound (exclusive) of created_at and number: the last order of the previous page, or `until`
-- (one bound, because with two an index scan may start at the wrong one); $4 limit, $5 statuses or null, $6 email or null,
-- $7 only orders with attention, $8 ids that a search found, $9 text of the search or null
--
-- They select from the view order_rows, which PostgreSQL inlines: their plans are those of the table.

-- name: find_orders_by_number
-- $1 number
SELECT * FROM order_rows WHERE number = $1;

-- name: find_orders_by_id
-- $1 first and $2 last id of those with a prefix, $3 limit
SELECT * FROM order_rows WHERE id BETWEEN $1 AND $2 ORDER BY created_at DESC, number DESC LIMIT $3;

-- name: find_orders_by_email
-- $1 email, $2 limit
SELECT * FROM order_rows WHERE lower(customer_email) = lower($1) ORDER BY created_at DESC, number DESC LIMIT $2;

-- name: find_orders_by_stripe_id
-- $1 id of a session, PaymentIntent, charge, refund, dispute or event, $2 limit. The object's own row is asked for its order first,
-- then its payment, then that payment's session, and last the links.
WITH start (node) AS (
    SELECT $1::text
    UNION SELECT payment_id FROM refunds WHERE id = $1
    UNION SELECT payment_id FROM disputes WHERE id = $1
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
-- only in the payloads of events, which are deleted by retention and when the customer is erased.
SELECT * FROM order_rows
WHERE id = ANY(ARRAY(
    SELECT newest.order_id
    FROM (
        SELECT page.*
        FROM unnest(ARRAY['checkout.session.completed', 'checkout.session.async_payment_succeeded']) AS wanted (type)
        CROSS JOIN LATERAL (
            SELECT id, order_id, received_at FROM stripe_events
            WHERE stripe_events.type >= wanted.type AND stripe_events.type <= wanted.type
            ORDER BY stripe_events.type DESC, received_at DESC, id DESC LIMIT $3
        ) AS page
    ) AS newest
    JOIN stripe_event_payloads AS held ON held.event_id = newest.id AND held.received_at = newest.received_at
    WHERE newest.order_id IS NOT NULL AND strpos(lower(held.payload), lower('"' || $1 || '"')) > 0))
ORDER BY created_at DESC, number DESC LIMIT $2;

-- name: list_orders
SELECT * FROM order_rows
WHERE created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND ($6::text IS NULL OR lower(customer_email) = lower($6))
    AND (NOT $7::boolean OR attention <> '{}')
    AND ($9::text IS NULL OR id = ANY($8::uuid[]) OR strpos(search_form(customer_name), search_form($9)) > 0
         OR strpos(search_form(customer_email), search_form($9)) > 0)
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_status
-- One page for each status, merged. Two comparisons instead of `=`, and the status in ORDER BY, leave the planner only the index by
-- status. It would otherwise walk all orders, which takes for ever if a status is rare.
SELECT page.*
FROM unnest($5::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT * FROM order_rows
    WHERE order_rows.status >= wanted.status AND order_rows.status <= wanted.status
        AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
        AND ($6::text IS NULL OR lower(customer_email) = lower($6))
        AND (NOT $7::boolean OR attention <> '{}')
        AND ($9::text IS NULL OR id = ANY($8::uuid[]) OR strpos(search_form(customer_name), search_form($9)) > 0
             OR strpos(search_form(customer_email), search_form($9)) > 0)
    ORDER BY order_rows.status, created_at DESC, number DESC LIMIT $4
) AS page
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_with_attention
SELECT * FROM order_rows
WHERE attention <> '{}' AND $7::boolean
    AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND ($6::text IS NULL OR lower(customer_email) = lower($6))
    AND ($9::text IS NULL OR id = ANY($8::uuid[]) OR strpos(search_form(customer_name), search_form($9)) > 0
         OR strpos(search_form(customer_email), search_form($9)) > 0)
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_email
SELECT * FROM order_rows
WHERE lower(customer_email) = lower($6)
    AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND (NOT $7::boolean OR attention <> '{}')
    AND ($9::text IS NULL OR id = ANY($8::uuid[]) OR strpos(search_form(customer_name), search_form($9)) > 0
         OR strpos(search_form(customer_email), search_form($9)) > 0)
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_newest_orders_of_text
-- Search the newest orders only: a text that many orders contain is found here at once.
SELECT * FROM (
    SELECT * FROM order_rows
    WHERE created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    ORDER BY created_at DESC, number DESC LIMIT 5000
) AS newest
WHERE ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND ($6::text IS NULL OR lower(customer_email) = lower($6))
    AND (NOT $7::boolean OR attention <> '{}')
    AND (id = ANY($8::uuid[]) OR strpos(search_form(customer_name), search_form($9)) > 0
         OR strpos(search_form(customer_email), search_form($9)) > 0)
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_text
-- $9 has at least three characters: a text that few orders contain is found by its trigrams.
SELECT * FROM order_rows
WHERE id = ANY(ARRAY(
        SELECT order_id FROM order_texts WHERE trigrams(text) @> trigrams(search_form($9)) AND strpos(text, search_form($9)) > 0
        UNION SELECT unnest($8::uuid[])))
    AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND ($6::text IS NULL OR lower(customer_email) = lower($6))
    AND (NOT $7::boolean OR attention <> '{}')
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_ids
-- $9 is null: the search can only mean ids.
SELECT * FROM order_rows
WHERE id = ANY($8::uuid[]) AND $9::text IS NULL
    AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND ($6::text IS NULL OR lower(customer_email) = lower($6))
    AND (NOT $7::boolean OR attention <> '{}')
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: read_items_of_orders
-- $1 order ids
SELECT order_id, sku, name, unit_amount, quantity, amount, amount_discount
FROM order_items WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, position;

-- name: read_order_view
-- $1 order id. The order and everything about it as of one moment, each kind as one JSON array. Objects of the other livemode are
-- not the order's, but observations of its payments are shown in either mode.
WITH terms AS (
    SELECT id, number, amount_total, currency, livemode FROM orders WHERE id = $1
), paid AS (
    SELECT payments.id,
           CASE WHEN starts_with(payments.id, 'cs_') THEN payments.id ELSE (
               SELECT min(source_id) FROM links WHERE target_id = payments.id AND starts_with(source_id, 'cs_')) END AS session_id,
           told.amount, told.currency, told.livemode, told.paid_at,
           coalesce(bool_and((told.amount, told.currency, told.livemode) = (terms.amount_total, terms.currency, terms.livemode))
                        OVER (PARTITION BY payments.id), false) AS valid
    FROM terms
    JOIN payments ON payments.order_id = terms.id
    LEFT JOIN payment_observations AS told ON told.payment_id = payments.id
)
SELECT
    (SELECT row_to_json(order_rows) FROM order_rows WHERE id = $1) AS order,
    (SELECT json_agg(json_build_object('sku', sku, 'name', name, 'unit_amount', unit_amount, 'quantity', quantity, 'amount', amount,
                                       'amount_discount', amount_discount) ORDER BY position)
     FROM order_items WHERE order_id = $1) AS items,
    (SELECT json_agg(json_build_object('id', each.id, 'attempt', attempt,
                                       'status', coalesce(substring(odd.words FROM '(?:^| )status=(\S+)'), status),
                                       'payment_status', coalesce(substring(odd.words FROM 'payment_status=(\S+)'), outcome),
                                       'url', url, 'expires_at', expires_at, 'created_at', created_at, 'unknown', odd.words)
                     ORDER BY attempt, created_at, each.id)
     FROM checkout_sessions AS each JOIN terms USING (livemode)
     CROSS JOIN LATERAL (SELECT CASE WHEN unknown_at IS NOT NULL AND (known_at IS NULL OR known_at <= unknown_at) THEN unknown_words END
                         AS words) AS odd
     WHERE order_id = $1) AS sessions,
    (SELECT json_agg(json_build_object('id', id, 'session_id', session_id, 'amount', amount, 'currency', currency,
                                       'livemode', livemode, 'paid_at', paid_at, 'valid', valid) ORDER BY paid_at, id, amount)
     FROM paid) AS payments,
    (SELECT json_agg(json_build_object('id', each.id, 'payment_id', payment_id, 'amount', amount, 'currency', each.currency,
                                       'status', coalesce(substring(odd.words FROM 'status=(\S+)'), status),
                                       'created_at', created_at, 'unknown', odd.words) ORDER BY created_at, each.id)
     FROM refunds AS each JOIN terms USING (livemode)
     CROSS JOIN LATERAL (SELECT CASE WHEN unknown_at IS NOT NULL AND (known_at IS NULL OR known_at <= unknown_at) THEN unknown_words END
                         AS words) AS odd
     WHERE payment_id IN (SELECT id FROM paid)) AS refunds,
    (SELECT json_agg(json_build_object('id', each.id, 'payment_id', payment_id,
                                       'status', coalesce(substring(unknown_words FROM 'status=(\S+)'), status), 'reason', reason,
                                       'amount', amount, 'currency', each.currency, 'due_by', due_by, 'unknown', unknown_words,
                                       'funds', CASE WHEN reinstated_at >= coalesce(withdrawn_at, reinstated_at) THEN 'reinstated'
                                                     WHEN withdrawn_at IS NOT NULL THEN 'withdrawn' END)
                     ORDER BY created_at, each.id)
     FROM disputes AS each JOIN terms USING (livemode) WHERE payment_id IN (SELECT id FROM paid)) AS disputes,
    (SELECT json_agg(json_build_object('id', id, 'type', type, 'status', status, 'reason', reason, 'order_id', order_id,
                                       'api_version', api_version, 'livemode', livemode, 'created_at', created_at,
                                       'received_at', received_at, 'applied_at', applied_at, 'attempts', attempts,
                                       'next_attempt_at', next_attempt_at, 'last_error', last_error) ORDER BY received_at, id)
     FROM stripe_events WHERE order_id = $1) AS events,
    (SELECT json_agg(json_build_object('seq', seq, 'order_id', order_id, 'number', number, 'at', at,
                                       'from_status', from_status, 'to_status', to_status, 'cause', cause, 'actor', actor,
                                       'note', note) ORDER BY seq)
     FROM order_changes JOIN terms ON terms.id = order_id) AS changes;
