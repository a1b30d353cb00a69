-- {count} orders that wait to be paid.
INSERT INTO orders (id, email, total_cents, stripe_session_id)
SELECT n, 'customer' || n || '@example.com', 500 + (n * 131) % 90000, 'cs_test_' || lpad(n::text, 10, '0') || md5(n::text)
FROM generate_series(1, {count}) AS n;
SELECT setval(pg_get_serial_sequence('orders', 'id'), {count});
