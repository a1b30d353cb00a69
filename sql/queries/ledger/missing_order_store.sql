-- Orders that Stripe knows and this database does not: the newest ones, lost by a restore.

-- name: read_shop
SELECT id FROM shop_identity LIMIT 1;

-- name: held_orders
-- $1 ids
SELECT id FROM orders WHERE id = ANY($1::uuid[]);

-- name: record_missing_orders
-- $1 session ids, $2 order ids, $3 numbers or null, $4 livemodes, $5 amounts, $6 currencies. Orders that exist are skipped.
INSERT INTO missing_orders (session_id, order_id, number, livemode, amount_total, currency)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::boolean[], $5::bigint[], $6::text[])
    AS found (session_id, order_id, number, livemode, amount_total, currency)
WHERE NOT EXISTS (SELECT FROM orders WHERE id = found.order_id)
ORDER BY session_id  -- so that two processes that find the same sessions cannot deadlock
ON CONFLICT (session_id) DO NOTHING;

-- name: list_missing_orders
-- $1 livemode. Those not recovered yet.
SELECT session_id, order_id, number, livemode, amount_total, currency FROM missing_orders
WHERE livemode = $1 AND NOT EXISTS (SELECT FROM orders WHERE id = missing_orders.order_id)
ORDER BY seen_at, session_id;

-- name: raise_order_numbers
-- $1 a number that was used. Returns a row if the sequence was behind it. A small gap is closed with nextval, because setval could
-- undo a concurrent nextval. An absurdly high number is ignored.
WITH state AS (
    SELECT $1::bigint - last_value + CASE WHEN is_called THEN 0 ELSE 1 END AS gap FROM orders_number_seq
)
SELECT CASE WHEN gap > 1000 THEN setval('orders_number_seq', $1)
            ELSE (SELECT max(nextval('orders_number_seq')) FROM generate_series(1, gap)) END
FROM state WHERE gap BETWEEN 1 AND 100000000;

-- name: last_order_number
SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM orders_number_seq;

-- name: newest_order
SELECT number, livemode, created_at FROM orders ORDER BY created_at DESC, number DESC LIMIT 1;

-- name: insert_recovered_order
-- Insert an order from Stripe's data, with the session that was paid. Nothing happens if the order exists.
-- $1 id, $2 its number or null, $3 currency, $4 subtotal, $5 discount, $6 total, $7 name, $8 email, $9 phone, $10 discount code,
-- $11 livemode, $12 created_at, $13 locale, $14 skus, $15 names, $16 descriptions, $17 unit amounts, $18 quantities, $19 amounts,
-- $20 line discounts, $21 attempt, $22 its parameters, $23 its session, $24 channel. Returns the order's number.
WITH made AS (
    INSERT INTO orders (id, number, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                        customer_phone, discount_code, livemode, created_at, locale)
    OVERRIDING SYSTEM VALUE
    VALUES ($1::uuid, CASE WHEN $2::bigint IS NULL OR EXISTS (SELECT FROM orders WHERE number = $2)
                           THEN nextval('orders_number_seq') ELSE $2 END,
            $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, number
), items AS (
    INSERT INTO order_items (order_id, position, sku, name, description, unit_amount, quantity, amount, amount_discount)
    SELECT made.id, item.position, item.sku, item.name, item.description, item.unit_amount, item.quantity, item.amount,
           item.amount_discount
    FROM made, unnest($14::text[], $15::text[], $16::text[], $17::bigint[], $18::integer[], $19::bigint[], $20::bigint[])
        WITH ORDINALITY AS item (sku, name, description, unit_amount, quantity, amount, amount_discount, position)
), attempt AS (
    INSERT INTO session_attempts (order_id, attempt, parameters, started_at, session_id)
    SELECT made.id, $21, $22, $12, $23 FROM made
)
SELECT number, pg_notify($24, '') FROM made;
