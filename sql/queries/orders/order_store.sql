-- Orders, their items and their changes.

-- name: insert_order
-- Insert an order with its items, first session attempt and first change. Nothing happens if its idempotency key is taken, or if
-- the customer made another order with the same lines within the last hour.
-- $1 id, $2 currency, $3 subtotal, $4 discount, $5 total, $6 name, $7 email, $8 phone, $9 discount code, $10 livemode,
-- $11 idempotency key, $12 request hash, $13 skus, $14 names, $15 descriptions, $16 unit amounts, $17 quantities, $18 amounts,
-- $19 line discounts, $20 parameters of the first attempt with \u0001 and \u0002 in place of the number and the shop, $21 channel,
-- $22 locale or null, $23 lines, or null to insert the order in any case, $24 known orders with the same lines, which do not count.
-- Returns the order's number. The conditions on the other order are those of find_alike_orders.
WITH alike AS (
    SELECT FROM (
        SELECT id FROM orders
        WHERE $23::text[] IS NOT NULL AND lower(customer_email) = lower($7::text) AND created_at > now() - interval '1 hour'
            AND livemode = $10::boolean AND status NOT IN ('canceled', 'refunded') AND id <> ALL ($24::uuid[])
        ORDER BY created_at DESC, number DESC LIMIT 100
    ) AS recent
    WHERE $23::text[] = (
        SELECT array_agg(sku || ' ' || quantity ORDER BY sku COLLATE "C") FROM order_items WHERE order_id = recent.id)
    LIMIT 1
), made AS (
    INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                        customer_phone, discount_code, livemode, idempotency_key, request_hash, locale)
    SELECT $1::uuid, $2::text, $3::bigint, $4::bigint, $5::bigint, $6::text, $7::text, $8::text, $9::text, $10::boolean,
           $11::text, $12::bytea, $22::text
    WHERE NOT EXISTS (SELECT FROM alike) AND NOT EXISTS (SELECT FROM order_keys WHERE idempotency_key = $11::text)
    ON CONFLICT ON CONSTRAINT orders_idempotency_key DO NOTHING
    RETURNING id, number
), items AS (
    INSERT INTO order_items (order_id, position, sku, name, description, unit_amount, quantity, amount, amount_discount)
    SELECT made.id, item.position, item.sku, item.name, item.description, item.unit_amount, item.quantity, item.amount,
           item.amount_discount
    FROM made, unnest($13::text[], $14::text[], $15::text[], $16::bigint[], $17::integer[], $18::bigint[], $19::bigint[])
        WITH ORDINALITY AS item (sku, name, description, unit_amount, quantity, amount, amount_discount, position)
), attempt AS (
    INSERT INTO session_attempts (order_id, attempt, parameters, started_at)
    SELECT made.id, 1,
           replace(replace($20, '"\u0001"', '"' || made.number || '"'),
                   '"\u0002"', '"' || coalesce((SELECT id::text FROM shop_identity LIMIT 1), '') || '"'), now()
    FROM made
), logged AS (
    INSERT INTO order_changes (order_id, to_status, cause, actor) SELECT id, 'pending', 'order.created', 'shopper' FROM made
)
SELECT number, pg_notify($21, '') FROM made;

-- name: find_order_by_key
-- $1 idempotency key
SELECT id, request_hash FROM orders WHERE idempotency_key = $1
UNION ALL
SELECT order_id, request_hash FROM order_keys WHERE idempotency_key = $1
LIMIT 1;

-- name: record_order_key
-- $1 idempotency key, $2 order id, $3 request hash
INSERT INTO order_keys (idempotency_key, order_id, request_hash)
SELECT $1::text, $2::uuid, $3::bytea WHERE NOT EXISTS (SELECT FROM orders WHERE idempotency_key = $1::text)
ON CONFLICT (idempotency_key) DO NOTHING;

-- name: find_alike_orders
-- $1 email, $2 livemode, $3 lines as `sku quantity`, sorted. Newest first; only the newest hundred orders are compared.
SELECT id, number, status, customer_name, customer_phone, discount_code, amount_total,
       EXISTS (
           SELECT FROM payments JOIN payment_observations AS observed ON observed.payment_id = payments.id
           WHERE payments.order_id = recent.id
               AND (observed.amount, observed.currency, observed.livemode) <> (recent.amount_total, recent.currency, recent.livemode)
       ) AS mismatched
FROM (
    SELECT id, number, status, customer_name, customer_phone, discount_code, amount_total, currency, livemode
    FROM orders
    WHERE lower(customer_email) = lower($1::text) AND created_at > now() - interval '1 hour'
        AND livemode = $2 AND status NOT IN ('canceled', 'refunded')
    ORDER BY created_at DESC, number DESC LIMIT 100
) AS recent
WHERE $3::text[] = (
    SELECT array_agg(sku || ' ' || quantity ORDER BY sku COLLATE "C") FROM order_items WHERE order_id = recent.id)
ORDER BY number DESC;

-- name: find_order_by_session
-- $1 session id
SELECT order_id FROM checkout_sessions WHERE id = $1 AND order_id IS NOT NULL ORDER BY livemode LIMIT 1;

-- name: read_order
-- $1 id
SELECT * FROM order_rows WHERE id = $1;

-- name: read_order_locale
-- $1 id
SELECT locale FROM orders WHERE id = $1;

-- name: read_items
-- $1 order id
SELECT sku, name, description, unit_amount, quantity, amount, amount_discount
FROM order_items WHERE order_id = $1 ORDER BY position;

-- name: has_mismatch
-- $1 order id. Whether a payment's amount, currency or livemode differs from the order's: such an order is not payable.
SELECT EXISTS (
    SELECT FROM payments
    JOIN payment_observations AS observed ON observed.payment_id = payments.id
    JOIN orders ON orders.id = payments.order_id
    WHERE payments.order_id = $1
        AND (observed.amount, observed.currency, observed.livemode) <> (orders.amount_total, orders.currency, orders.livemode)
);
