-- Pages of orders, newest first, and everything about one order.
--
-- The most selective filter chooses the statement (ids, then email, attention, status, none), so that each page is read from one end
-- of one index, however many orders there are. All these statements have the same parameters:
-- $1 since (inclusive); $2 and $3 an upper bound (exclusive) of created_at and number: the last order of the previous page, or `until`
-- (one bound, because with two an index scan may start at the wrong one); $4 limit, $5 statuses or null, $6 email or null,
-- $7 only orders with attention, $8 ids that a search found, $9 text of the search or null
--
-- They select from the view order_rows, which PostgreSQL inlines: their plans are those of the table.

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
-- status. It would otherwise read all orders, which takes far too long if a status is rare.
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

-- name: list_orders_of_short_text
-- $9 has no trigram. A shop of more than 100,000 orders searches its newest ones only.
SELECT * FROM (
    SELECT * FROM order_rows
    WHERE created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    ORDER BY created_at DESC, number DESC
    LIMIT (SELECT CASE WHEN reltuples > 100000 THEN 5000 END FROM pg_class WHERE oid = 'orders'::regclass)
) AS newest
WHERE ($5::text[] IS NULL OR status = ANY($5::text[]))
    AND ($6::text IS NULL OR lower(customer_email) = lower($6))
    AND (NOT $7::boolean OR attention <> '{}')
    AND (id = ANY($8::uuid[]) OR strpos(search_form(customer_name), search_form($9)) > 0
         OR strpos(search_form(customer_email), search_form($9)) > 0)
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: is_common_text
-- $1 text of a search. Whether so many orders contain it, by the planner's figures, that reading those of a status is quicker.
SELECT coalesce(min(share), 0) * (SELECT reltuples FROM pg_class WHERE oid = 'order_texts'::regclass) > 20000
FROM trigram_shares(search_form($1));

-- name: list_orders_of_text
-- $9 has at least three characters: a text that few orders contain is found by its rarest trigrams.
SELECT * FROM order_rows
WHERE id = ANY(ARRAY(
        SELECT order_id FROM order_texts WHERE trigrams(text) @> rare_trigrams(search_form($9)) AND strpos(text, search_form($9)) > 0
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

-- name: read_order_view
-- $1 order id. The order and everything about it as of one moment, one JSON array for each field of OrderView. Objects of the
-- other livemode are not the order's, but observations of its payments are shown in either mode.
WITH terms AS (
    SELECT id, number, amount_total, currency, livemode FROM orders WHERE id = $1
), paid AS (
    SELECT payments.id,
           CASE WHEN starts_with(payments.id, 'cs_') THEN payments.id ELSE (
               SELECT min(source_id) FROM links WHERE target_id = payments.id AND starts_with(source_id, 'cs_')) END AS session_id,
           seen.amount, seen.currency, seen.livemode, seen.paid_at,
           coalesce(bool_and((seen.amount, seen.currency, seen.livemode) = (terms.amount_total, terms.currency, terms.livemode))
                        OVER (PARTITION BY payments.id), false) AS valid
    FROM terms
    JOIN payments ON payments.order_id = terms.id
    LEFT JOIN payment_observations AS seen ON seen.payment_id = payments.id
), items AS (
    SELECT position, sku, name, unit_amount, quantity, amount, amount_discount FROM order_items WHERE order_id = $1
), sessions AS (
    SELECT session.id, attempt, coalesce(substring(odd.words FROM '(?:^| )status=(\S+)'), status) AS status,
           coalesce(substring(odd.words FROM 'payment_status=(\S+)'), outcome) AS payment_status,
           url, expires_at, created_at, odd.words AS unknown
    FROM checkout_sessions AS session JOIN terms USING (livemode)
    CROSS JOIN LATERAL (SELECT CASE WHEN unknown_at IS NOT NULL AND (known_at IS NULL OR known_at <= unknown_at) THEN unknown_words END
                        AS words) AS odd
    WHERE order_id = $1
), refunded AS (
    SELECT refund.id, payment_id, amount, refund.currency, coalesce(substring(odd.words FROM 'status=(\S+)'), status) AS status,
           created_at, odd.words AS unknown
    FROM refunds AS refund JOIN terms USING (livemode)
    CROSS JOIN LATERAL (SELECT CASE WHEN unknown_at IS NOT NULL AND (known_at IS NULL OR known_at <= unknown_at) THEN unknown_words END
                        AS words) AS odd
    WHERE payment_id IN (SELECT id FROM paid)
), disputed AS (
    SELECT dispute.id, payment_id, coalesce(substring(unknown_words FROM 'status=(\S+)'), status) AS status, reason, amount,
           dispute.currency, due_by, unknown_words AS unknown, created_at,
           CASE WHEN reinstated_at >= coalesce(withdrawn_at, reinstated_at) THEN 'reinstated'
                WHEN withdrawn_at IS NOT NULL THEN 'withdrawn' END AS funds
    FROM disputes AS dispute JOIN terms USING (livemode) WHERE payment_id IN (SELECT id FROM paid)
), events AS (
    SELECT id, type, status, reason, order_id, api_version, livemode, created_at, received_at, applied_at, attempts,
           next_attempt_at, last_error
    FROM stripe_events WHERE order_id = $1
), changes AS (
    SELECT seq, order_id, number, at, from_status, to_status, cause, actor, note FROM order_changes JOIN terms ON terms.id = order_id
)
SELECT
    (SELECT row_to_json(order_rows) FROM order_rows WHERE id = $1) AS order,
    (SELECT json_agg(items ORDER BY position) FROM items) AS items,
    (SELECT json_agg(sessions ORDER BY attempt, created_at, id) FROM sessions) AS sessions,
    (SELECT json_agg(paid ORDER BY paid_at, id, amount) FROM paid) AS payments,
    (SELECT json_agg(refunded ORDER BY created_at, id) FROM refunded) AS refunds,
    (SELECT json_agg(disputed ORDER BY created_at, id) FROM disputed) AS disputes,
    (SELECT json_agg(events ORDER BY received_at, id) FROM events) AS events,
    (SELECT json_agg(changes ORDER BY seq) FROM changes) AS changes;
