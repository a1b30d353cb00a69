-- Pages of orders, newest first, and everything about one order.
--
-- Each page is read from one end of one index, that of the most selective filter, however many orders there are. The other filters are
-- applied to the newest $8 orders that it finds. All these statements have the same parameters:
-- $1 since (inclusive); $2 and $3 an upper bound (exclusive) of created_at and number: the last order of the previous page, or `until`
-- (one bound, because with two an index scan may start at the wrong one); $4 limit, $5 statuses or null, $6 email or null,
-- $7 only orders with attention, $8 how many orders to look at, or null
--
-- The column `fits` is whether an order meets the other filters. One that does not is returned if it is the last of those looked at:
-- its `place` is $8. They select from the view order_rows, which PostgreSQL inlines: their plans are those of the table.

-- name: list_orders
SELECT * FROM (
    SELECT *, true AS fits
    FROM (
        SELECT *, row_number() OVER (ORDER BY created_at DESC, number DESC) AS place FROM order_rows
        WHERE created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
            AND $5::text[] IS NULL AND $6::text IS NULL AND NOT $7::boolean
        ORDER BY created_at DESC, number DESC LIMIT $8
    ) AS newest
) AS page
WHERE fits OR place = $8
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_email
SELECT * FROM (
    SELECT *, ($5::text[] IS NULL OR status = ANY($5::text[])) AND (NOT $7::boolean OR attention <> '{}') AS fits
    FROM (
        SELECT *, row_number() OVER (ORDER BY created_at DESC, number DESC) AS place FROM order_rows
        WHERE lower(customer_email) = lower($6) AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
        ORDER BY created_at DESC, number DESC LIMIT $8
    ) AS newest
) AS page
WHERE fits OR place = $8
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_one_status
-- Two comparisons instead of `=`, and the status in ORDER BY, leave the planner only the index by status. It would otherwise read all
-- orders, which takes far too long if a status is rare.
SELECT * FROM (
    SELECT *, ($6::text IS NULL OR lower(customer_email) = lower($6)) AS fits
    FROM (
        SELECT *, row_number() OVER (ORDER BY status, created_at DESC, number DESC) AS place FROM order_rows
        WHERE status >= ($5::text[])[1] AND status <= ($5::text[])[1] AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
            AND NOT $7::boolean
        ORDER BY status, created_at DESC, number DESC LIMIT $8
    ) AS newest
) AS page
WHERE fits OR place = $8
ORDER BY status, created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_status
-- One page for each status, merged, down to the latest end of one that does not reach the end of its list.
WITH page AS MATERIALIZED (
    SELECT page.*
    FROM unnest($5::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT *, row_number() OVER (ORDER BY order_rows.status, created_at DESC, number DESC) AS place FROM order_rows
        WHERE order_rows.status >= wanted.status AND order_rows.status <= wanted.status
            AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint) AND NOT $7::boolean
        ORDER BY order_rows.status, created_at DESC, number DESC LIMIT $8
    ) AS page
), reached AS MATERIALIZED (
    SELECT created_at, number FROM page WHERE place = $8 ORDER BY created_at DESC, number DESC LIMIT 1
)
SELECT * FROM (
    SELECT *, ($6::text IS NULL OR lower(customer_email) = lower($6)) AS fits
    FROM page
    WHERE (SELECT (page.created_at, page.number) >= (reached.created_at, reached.number) FROM reached) IS NOT FALSE
) AS page
WHERE fits OR place = $8
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_with_attention
-- The same for orders with attention.
WITH page AS MATERIALIZED (
    SELECT page.*
    FROM unnest(coalesce($5::text[], '{pending,processing,completed,partially_refunded,refunded,disputed,failed,expired,canceled}'))
        AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT *, row_number() OVER (ORDER BY order_rows.status, created_at DESC, number DESC) AS place FROM order_rows
        WHERE attention <> '{}' AND order_rows.status >= wanted.status AND order_rows.status <= wanted.status
            AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint) AND $7::boolean
        ORDER BY order_rows.status, created_at DESC, number DESC LIMIT $8
    ) AS page
), reached AS MATERIALIZED (
    SELECT created_at, number FROM page WHERE place = $8 ORDER BY created_at DESC, number DESC LIMIT 1
)
SELECT * FROM (
    SELECT *, ($6::text IS NULL OR lower(customer_email) = lower($6)) AS fits
    FROM page
    WHERE (SELECT (page.created_at, page.number) >= (reached.created_at, reached.number) FROM reached) IS NOT FALSE
) AS page
WHERE fits OR place = $8
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_email_and_status
-- The same for an email. No status is pending or completed: the index leaves these out.
WITH page AS MATERIALIZED (
    SELECT page.*
    FROM unnest($5::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT *, row_number() OVER (ORDER BY order_rows.status DESC, created_at DESC, number DESC) AS place FROM order_rows
        WHERE order_rows.status NOT IN ('pending', 'completed') AND lower(customer_email) = lower($6)
            AND (order_rows.status, created_at) >= (wanted.status, $1)
            AND (order_rows.status, created_at, number) < (wanted.status, $2, $3::bigint)
        ORDER BY order_rows.status DESC, created_at DESC, number DESC LIMIT $8
    ) AS page
), reached AS MATERIALIZED (
    SELECT created_at, number FROM page WHERE place = $8 ORDER BY created_at DESC, number DESC LIMIT 1
)
SELECT * FROM (
    SELECT *, (NOT $7::boolean OR attention <> '{}') AS fits
    FROM page
    WHERE (SELECT (page.created_at, page.number) >= (reached.created_at, reached.number) FROM reached) IS NOT FALSE
) AS page
WHERE fits OR place = $8
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_last4
-- $9 last four digits of a card or account, $10 decline code or null: of the same charge.
SELECT * FROM (
    SELECT order_rows.*, place, ($5::text[] IS NULL OR status = ANY($5::text[])) AND (NOT $7::boolean OR attention <> '{}')
            AND ($6::text IS NULL OR lower(customer_email) = lower($6)) AS fits
    FROM (
        SELECT order_id, row_number() OVER (ORDER BY ordered_at DESC, order_number DESC) AS place
        FROM (
            SELECT DISTINCT ON (ordered_at, order_number) order_id, ordered_at, order_number FROM charges
            WHERE last4 = $9 AND ($10::text IS NULL OR decline_code = $10)
                AND ordered_at >= $1 AND (ordered_at, order_number) < ($2, $3::bigint)
            ORDER BY ordered_at DESC, order_number DESC LIMIT $8
        ) AS charged
    ) AS newest
    JOIN order_rows ON order_rows.id = newest.order_id
) AS page
WHERE fits OR place = $8
ORDER BY created_at DESC, number DESC LIMIT $4;

-- name: list_orders_of_decline
-- The same without $9.
SELECT * FROM (
    SELECT order_rows.*, place, ($5::text[] IS NULL OR status = ANY($5::text[])) AND (NOT $7::boolean OR attention <> '{}')
            AND ($6::text IS NULL OR lower(customer_email) = lower($6)) AS fits
    FROM (
        SELECT order_id, row_number() OVER (ORDER BY ordered_at DESC, order_number DESC) AS place
        FROM (
            SELECT DISTINCT ON (ordered_at, order_number) order_id, ordered_at, order_number FROM charges
            WHERE decline_code = $10 AND $9::text IS NULL
                AND ordered_at >= $1 AND (ordered_at, order_number) < ($2, $3::bigint)
            ORDER BY ordered_at DESC, order_number DESC LIMIT $8
        ) AS charged
    ) AS newest
    JOIN order_rows ON order_rows.id = newest.order_id
) AS page
WHERE fits OR place = $8
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
), charged AS (
    SELECT charges.id, payment_id, status, charges.created_at, method, brand, last4, funding, country, wallet, network, decline_code,
           nullif(decline_message, '') AS decline_message, risk_level, nullif(risk_score, -1) AS risk_score
    FROM charges JOIN terms USING (livemode) WHERE order_id = terms.id
), refunded AS (
    SELECT refund.id, payment_id, amount, refund.currency, coalesce(substring(odd.words FROM 'status=(\S+)'), status) AS status,
           created_at, odd.words AS unknown, coalesce((
               SELECT items::json FROM refund_requests AS asked
               WHERE order_id = $1 AND (asked.refund_id = refund.id OR asked.id::text = refund.request_id) LIMIT 1), '[]') AS items
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
), warned AS (
    SELECT warning.id, warning.payment_id, fraud_type, actionable, warned_at, warning.observed_at, warning.created_at, decision, decided_at,
           (SELECT max(amount) FROM payment_observations AS seen WHERE seen.payment_id = warning.payment_id) AS amount, terms.currency
    FROM fraud_warnings AS warning JOIN terms USING (livemode) WHERE warning.payment_id IN (SELECT id FROM paid)
), events AS (
    SELECT stripe_events.id, type, status, reason, order_id, api_version, stripe_events.livemode, created_at, received_at, applied_at,
           attempts, next_attempt_at, last_error, number
    FROM stripe_events JOIN terms ON terms.id = order_id
), changes AS (
    SELECT seq, order_id, number, at, from_status, to_status, cause, actor, note FROM order_changes JOIN terms ON terms.id = order_id
)
SELECT
    (SELECT row_to_json(order_rows) FROM order_rows WHERE id = $1) AS order,
    (SELECT json_agg(items ORDER BY position) FROM items) AS items,
    (SELECT json_agg(sessions ORDER BY attempt, created_at, id) FROM sessions) AS sessions,
    (SELECT json_agg(paid ORDER BY paid_at, id, amount) FROM paid) AS payments,
    (SELECT json_agg(charged ORDER BY created_at, id) FROM charged) AS charges,
    (SELECT json_agg(refunded ORDER BY created_at, id) FROM refunded) AS refunds,
    (SELECT json_agg(disputed ORDER BY created_at, id) FROM disputed) AS disputes,
    (SELECT json_agg(warned ORDER BY created_at, id) FROM warned) AS fraud_warnings,
    (SELECT json_agg(events ORDER BY received_at, id) FROM events) AS events,
    (SELECT json_agg(changes ORDER BY seq) FROM changes) AS changes,
    (SELECT json_agg(json_build_object('tax_class', tax_class, 'percent', trim_scale(percent)::text, 'amount_gross', amount_gross, 'amount', amount)
                     ORDER BY position) FROM order_taxes WHERE order_id = $1) AS taxes,
    (SELECT json_build_object(
        'rate', rate, 'label', label, 'estimate', estimate, 'carrier', carrier, 'tracking_number', tracking_number,
        'tracking_url', tracking_url, 'address', json_build_object(
            'country', country, 'name', name, 'line1', line1, 'line2', line2, 'city', city, 'state', state, 'postal_code', postal_code))
     FROM order_shipping WHERE order_id = $1) AS shipping;

-- name: read_orders_by_ids
-- $1 order ids
SELECT * FROM order_rows WHERE id = ANY($1::uuid[]);
