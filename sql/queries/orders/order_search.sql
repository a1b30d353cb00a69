-- Orders by any conditions (orders/order_filter.py), newest first.

-- name: search_orders
-- One way of $6 gives the candidates, from one end of one index; the conditions are applied to the newest $5 of them.
-- $1 since (inclusive); $2 and $3 an upper bound (exclusive) of created_at and number; $4 limit, $5 how many candidates to look at or
-- null, $6 the way, $7 what it looks for, $8 the conditions as JSON, $9 pairs of digits that ids begin with or null, $10 ids,
-- $11 currencies without decimals, $12 those with three; of texts, $13 trigrams that find those with all of $7, $14 another text or null
-- and $15 its trigrams
--
-- `fits` and `place` are as in order_lists.sql; `likely` is how many texts have these trigrams: in at least one row, whose other
-- columns are null if none was found. A condition is compared in a subquery that can only run once for each
-- candidate: as EXISTS it might read all charges at once.
WITH conditions AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($8::jsonb) AS wanted (
        key text, negated boolean, texts text[], amounts0 int8multirange, amounts2 int8multirange, amounts3 int8multirange,
        brand text[], last4 text[], funding text[], country text[], wallet text[], network text[], method text[], decline text[],
        risk text[], text text, ids uuid[], phones text[], domain text, sku text, ending text)
), likely AS MATERIALIZED (
    -- No function makes the trigrams here: the planner would have every text found compared once more.
    SELECT order_id, (SELECT bool_and(strpos(text, part) > 0) FROM unnest($7::text[]) AS part)
        OR coalesce(strpos(text, $14::text) > 0, false) AS has_text
    FROM order_texts
    WHERE $6 = 'texts' AND (trigrams(text) @> $13::text[] OR trigrams(text) @> $15::text[])
        AND ($9::text[] IS NULL OR (ARRAY[left(order_id::text, 2)]) && $9::text[])
), candidates AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY created_at DESC, number DESC) AS place FROM (
        (SELECT * FROM order_rows
         WHERE $6 = 'newest' AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
         ORDER BY created_at DESC, number DESC LIMIT $5)
        UNION ALL
        (SELECT page.* FROM unnest($7::text[]) AS wanted (status)
         CROSS JOIN LATERAL (
            SELECT * FROM order_rows
            WHERE $6 = 'status' AND order_rows.status >= wanted.status AND order_rows.status <= wanted.status
                AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
            ORDER BY order_rows.status, created_at DESC, number DESC LIMIT $5
         ) AS page
         ORDER BY created_at DESC, number DESC LIMIT $5)
        UNION ALL
        (SELECT page.* FROM unnest($7::text[]) AS wanted (status)
         CROSS JOIN LATERAL (
            SELECT * FROM order_rows
            WHERE $6 = 'attention' AND attention <> '{}' AND order_rows.status >= wanted.status AND order_rows.status <= wanted.status
                AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
            ORDER BY order_rows.status, created_at DESC, number DESC LIMIT $5
         ) AS page
         ORDER BY created_at DESC, number DESC LIMIT $5)
        UNION ALL
        (SELECT * FROM order_rows
         WHERE $6 = 'email' AND lower(customer_email) = ($7::text[])[1]
            AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
         ORDER BY created_at DESC, number DESC LIMIT $5)
        UNION ALL
        (SELECT page.* FROM unnest($7::text[]) AS wanted (code)
         CROSS JOIN LATERAL (
            SELECT * FROM order_rows
            WHERE $6 = 'discount' AND discount_code = wanted.code AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
            ORDER BY created_at DESC, number DESC LIMIT $5
         ) AS page
         ORDER BY created_at DESC, number DESC LIMIT $5)
        UNION ALL
        (SELECT page.* FROM unnest($7::text[]) AS wanted (amount)
         CROSS JOIN LATERAL (
            SELECT * FROM order_rows
            WHERE $6 = 'amount' AND amount_total = wanted.amount::bigint AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
            ORDER BY created_at DESC, number DESC LIMIT $5
         ) AS page
         ORDER BY created_at DESC, number DESC LIMIT $5)
        UNION ALL
        (SELECT charged.* FROM (
            SELECT DISTINCT ON (ordered_at, order_number) order_id, ordered_at, order_number FROM charges
            WHERE $6 = 'last4' AND last4 = ($7::text[])[1] AND ordered_at >= $1 AND (ordered_at, order_number) < ($2, $3::bigint)
            ORDER BY ordered_at DESC, order_number DESC LIMIT $5
         ) AS newest
         CROSS JOIN LATERAL (SELECT * FROM order_rows WHERE order_rows.id = newest.order_id OFFSET 0) AS charged)
        UNION ALL
        (SELECT charged.* FROM (
            SELECT DISTINCT ON (ordered_at, order_number) order_id, ordered_at, order_number FROM charges
            WHERE $6 = 'decline' AND decline_code = ($7::text[])[1]
                AND ordered_at >= $1 AND (ordered_at, order_number) < ($2, $3::bigint)
            ORDER BY ordered_at DESC, order_number DESC LIMIT $5
         ) AS newest
         CROSS JOIN LATERAL (SELECT * FROM order_rows WHERE order_rows.id = newest.order_id OFFSET 0) AS charged)
        UNION ALL
        (SELECT * FROM order_rows
         WHERE $6 IN ('texts', 'ids') AND id = ANY(ARRAY(SELECT order_id FROM likely WHERE has_text UNION SELECT unnest($10::uuid[])))
            AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint))
    ) AS found
)
SELECT page.*, (SELECT count(*) FROM likely) AS likely
FROM (SELECT) AS once LEFT JOIN (SELECT * FROM (
    SELECT order_row.*, NOT EXISTS (
        SELECT FROM conditions AS wanted
        WHERE wanted.negated = coalesce(CASE wanted.key
            WHEN 'status' THEN order_row.status = ANY(wanted.texts)
            WHEN 'attention' THEN order_row.attention && wanted.texts OR wanted.texts = '{any}' AND order_row.attention <> '{}'
            WHEN 'ids' THEN order_row.id = ANY(wanted.texts::uuid[])
            WHEN 'currency' THEN order_row.currency = ANY(wanted.texts)
            WHEN 'livemode' THEN order_row.livemode::text = ANY(wanted.texts)
            WHEN 'imported' THEN (order_row.imported_from IS NOT NULL)::text = ANY(wanted.texts)
            WHEN 'shipped' THEN
                CASE WHEN order_row.shipped_at IS NOT NULL THEN 'yes' WHEN order_row.amount_shipping IS NOT NULL THEN 'no' END = ANY(wanted.texts)
            WHEN 'email' THEN lower(order_row.customer_email) LIKE ANY(wanted.texts)
            WHEN 'name' THEN search_form(order_row.customer_name) LIKE ANY(wanted.texts)
            WHEN 'phone' THEN ltrim(order_row.customer_phone, '+') LIKE ANY(wanted.texts)
            WHEN 'discount' THEN lower(order_row.discount_code) LIKE ANY(wanted.texts)
            WHEN 'amount' THEN CASE WHEN order_row.currency = ANY($11::text[]) THEN amounts0 WHEN order_row.currency = ANY($12::text[])
                THEN amounts3 ELSE amounts2 END @> order_row.amount_total
            WHEN 'refunded' THEN CASE WHEN order_row.currency = ANY($11::text[]) THEN amounts0 WHEN order_row.currency = ANY($12::text[])
                THEN amounts3 ELSE amounts2 END @> order_row.amount_refunded
            WHEN 'sku' THEN (SELECT true FROM order_items WHERE order_id = order_row.id AND lower(sku) LIKE ANY(wanted.texts) LIMIT 1)
            WHEN 'charge' THEN (
                SELECT true FROM charges
                WHERE order_id = order_row.id
                    AND (wanted.brand IS NULL OR charges.brand = ANY(wanted.brand))
                    AND (wanted.last4 IS NULL OR charges.last4 = ANY(wanted.last4))
                    AND (wanted.funding IS NULL OR charges.funding = ANY(wanted.funding))
                    AND (wanted.country IS NULL OR charges.country = ANY(wanted.country))
                    AND (wanted.wallet IS NULL OR charges.wallet = ANY(wanted.wallet))
                    AND (wanted.network IS NULL OR charges.network = ANY(wanted.network))
                    AND (wanted.method IS NULL OR charges.method = ANY(wanted.method))
                    AND (wanted.decline IS NULL OR charges.decline_code = ANY(wanted.decline))
                    AND (wanted.risk IS NULL OR charges.risk_level = ANY(wanted.risk))
                LIMIT 1)
            WHEN 'word' THEN order_row.id = ANY(wanted.ids) OR strpos(search_form(order_row.customer_name), wanted.text) > 0
                OR strpos(search_form(order_row.customer_email), wanted.text) > 0 OR strpos(lower(order_row.discount_code), wanted.text) > 0
                OR ltrim(order_row.customer_phone, '+') LIKE ANY(wanted.phones)
                OR strpos(lower(order_row.customer_email), wanted.domain) > 0
                OR CASE WHEN order_row.currency = ANY($11::text[]) THEN amounts0 WHEN order_row.currency = ANY($12::text[])
                    THEN amounts3 ELSE amounts2 END @> order_row.amount_total
                OR wanted.sku IS NOT NULL
                    AND (SELECT true FROM order_items WHERE order_id = order_row.id AND lower(sku) LIKE wanted.sku LIMIT 1)
                OR wanted.ending IS NOT NULL
                    AND (SELECT true FROM charges WHERE order_id = order_row.id AND last4 = wanted.ending LIMIT 1)
        END, false)
    ) AS fits
    FROM candidates AS order_row OFFSET 0  -- so that the conditions are planned and compared once
) AS compared WHERE fits OR place = $5 ORDER BY created_at DESC, number DESC LIMIT $4) AS page ON true
ORDER BY created_at DESC, number DESC;

-- name: look_up_orders
-- $1 since; $2 and $3 an upper bound as above; $4 limit of each kind and amount, $5 last digits of a card or account or null, $6 amounts
(SELECT DISTINCT ON (ordered_at, order_number) 'last4' AS kind, order_id, ordered_at AS at FROM charges
 WHERE last4 = $5 AND ordered_at >= $1 AND (ordered_at, order_number) < ($2, $3::bigint)
 ORDER BY ordered_at DESC, order_number DESC LIMIT $4)
UNION ALL
(SELECT wanted.amount::text, page.id, page.created_at FROM unnest($6::bigint[]) AS wanted (amount)
 CROSS JOIN LATERAL (
    SELECT id, created_at FROM orders WHERE amount_total = wanted.amount AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    ORDER BY created_at DESC, number DESC LIMIT $4
 ) AS page);

-- name: list_skus
-- $1 what they begin with, $2 limit. The SKUs of orders in lower case, each found by one step in the index.
WITH RECURSIVE found AS (
    (SELECT lower(sku) AS sku, 1 AS place FROM order_items WHERE lower(sku) ~>=~ $1::text ORDER BY lower(sku) USING ~<~ LIMIT 1)
    UNION ALL
    SELECT (SELECT lower(sku) FROM order_items WHERE lower(sku) ~>~ found.sku ORDER BY lower(sku) USING ~<~ LIMIT 1), place + 1
    FROM found WHERE starts_with(found.sku, $1) AND place < $2
)
SELECT sku FROM found WHERE starts_with(sku, $1);

-- name: look_up_skus
-- $1 SKUs in lower case, $2 and $3 ids of orders between which theirs are, $4 limit. Ids of orders by their first digits, which
-- follow the time, from the latest on.
SELECT DISTINCT page.order_id FROM unnest($1::text[]) AS wanted (sku)
CROSS JOIN LATERAL (
    SELECT order_id FROM order_items WHERE lower(sku) = wanted.sku AND order_id >= $2::uuid AND order_id <= $3::uuid
    ORDER BY order_id DESC LIMIT $4
) AS page
ORDER BY order_id DESC LIMIT $4;

-- name: read_order_facts
-- $1 order ids
SELECT wanted.id AS order_id, ARRAY(SELECT sku FROM order_items WHERE order_id = wanted.id ORDER BY position) AS skus,
       (SELECT json_agg(json_build_object(
            'brand', brand, 'last4', last4, 'funding', funding, 'country', country, 'wallet', wallet, 'network', network,
            'method', method, 'decline_code', decline_code, 'risk_level', risk_level))
        FROM charges WHERE order_id = wanted.id) AS charges
FROM unnest($1::uuid[]) AS wanted (id);

-- name: describe_search
-- $1 a text. How many orders there are, which share of them has each trigram of the text, both by the planner's figures, when the first
-- order was made, and since when the ids of orders begin with the time.
SELECT size.orders, upgrade.at AS ids_since, (SELECT created_at FROM orders ORDER BY created_at, number LIMIT 1) AS first_at,
       (SELECT coalesce(json_object_agg(trigram, share), '{}') FROM trigram_shares($1)) AS shares
FROM (SELECT greatest(reltuples, 0)::float8 AS orders FROM pg_class WHERE oid = 'orders'::regclass) AS size,
     (SELECT max(applied_at) AS at FROM schema_migrations WHERE version = 34) AS upgrade;
