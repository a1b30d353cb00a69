-- Orders, their items and their changes.

-- name: place_order
-- The parameters are described in schema.sql.
SELECT outcome, placed_number AS number, placed_parameters AS parameters
FROM place_order($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27);

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
       (SELECT ARRAY[rate, name, line1, line2, city, state, postal_code, country] FROM order_shipping WHERE order_id = recent.id) AS sent,
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
SELECT sku, name, description, unit_amount, quantity, amount, amount_discount, image_url
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
