-- {count} orders as a checkout leaves them: three lines, a session of ours that is open, its link, and the first change. Their ids
-- begin with the time, as in checkout_daemon/orders/order_ids.py.
CREATE TEMPORARY TABLE seeded ON COMMIT DROP AS
SELECT n, overlay(gen_random_uuid()::text PLACING lpad(to_hex(extract(epoch FROM now())::bigint / 600 % 65536), 4, '0') FROM 1)::uuid AS id,
       'cs_test_' || lpad(n::text, 10, '0') || replace(gen_random_uuid()::text, '-', '') AS session_id,
       now() - ({count} - n) * interval '1 millisecond' AS at
FROM generate_series(1, {count}) AS n;

CREATE TEMPORARY TABLE seeded_lines ON COMMIT DROP AS
SELECT seeded.n, seeded.id, line, products.sku, products.name, products.description, unit_amount, 1 + (seeded.n + line) % 4 AS quantity
FROM seeded CROSS JOIN generate_series(1, 3) AS line
JOIN products ON products.sku = 'SKU-' || lpad((1 + (seeded.n + 67 * line) % 200)::text, 4, '0');

INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email, customer_phone,
                    livemode, created_at, updated_at)
SELECT seeded.id, 'usd', total, 0, total, 'Customer Number ' || n, 'customer' || n || '@example.com', '+442071838750', false, at, at
FROM seeded JOIN (SELECT id, sum(unit_amount * quantity) AS total FROM seeded_lines GROUP BY id) AS totals USING (id) ORDER BY n;

INSERT INTO order_items (order_id, position, sku, name, description, unit_amount, quantity, amount, amount_discount)
SELECT id, line, sku, name, description, unit_amount, quantity, unit_amount * quantity, 0 FROM seeded_lines ORDER BY n, line;

INSERT INTO order_changes (order_id, at, to_status, cause, actor)
SELECT id, at, 'pending', 'order.created', 'shopper' FROM seeded ORDER BY n;

INSERT INTO session_attempts (order_id, attempt, parameters, started_at, session_id)
SELECT orders.id, 1, json_build_object('session', json_build_object(
    'mode', 'payment',
    'line_items', (
        SELECT json_agg(json_build_object('quantity', quantity, 'price_data', json_build_object(
            'currency', 'usd', 'unit_amount', unit_amount,
            'product_data', json_build_object('name', name, 'metadata', json_build_object('sku', sku)))))
        FROM order_items WHERE order_id = orders.id),
    'customer_email', customer_email, 'client_reference_id', orders.id,
    'metadata', metadata, 'payment_intent_data', json_build_object('metadata', metadata),
    'adaptive_pricing', json_build_object('enabled', false),
    'success_url', 'https://shop.example.com/success?session_id={CHECKOUT_SESSION_ID}',
    'cancel_url', 'https://shop.example.com/cancel?order_id=' || orders.id))::text, at, session_id
FROM seeded JOIN orders USING (id) CROSS JOIN shop_identity AS shop
CROSS JOIN LATERAL json_build_object('order_id', orders.id, 'attempt', '1', 'number', number::text, 'shop', shop.id) AS metadata
ORDER BY n;

INSERT INTO links (source_id, target_id, rank) SELECT session_id, id::text, 0 FROM seeded ORDER BY n;

INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome, url, expires_at, created_at, known_at)
SELECT session_id, false, id, 1, 'open', 'unpaid', 'https://checkout.stripe.com/c/pay/' || session_id, at + interval '1 day', at, at
FROM seeded ORDER BY n;
