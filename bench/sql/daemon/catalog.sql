-- The catalog: 200 products.
INSERT INTO products (sku, name, description, unit_amount, currency, position)
SELECT 'SKU-' || lpad(n::text, 4, '0'), 'Product ' || n, 'A thing of daily use, number ' || n, 100 + (n * 37) % 9900, 'usd', n
FROM generate_series(1, 200) AS n;
