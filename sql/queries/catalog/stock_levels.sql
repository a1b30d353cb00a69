-- The stock of counted products.

-- name: lock_stock
-- $1 skus. Locks the counted ones until the transaction ends: see sql/schema.sql.
SELECT sku, stock, free FROM lock_stock($1);

-- name: lock_counted_or_not
-- $1 skus. Locks these products until the transaction ends, also those that are not counted, in the sequence of lock_stock.
SELECT FROM products WHERE sku = ANY($1::text[]) ORDER BY sku FOR NO KEY UPDATE;

-- name: set_stock
-- $1 skus, $2 stock of each, null to count it no longer, $3 kind of movement, $4 actor, $5 note. All of them are locked.
WITH wanted AS (
    SELECT new.sku, new.stock, product.stock AS stock_before
    FROM unnest($1::text[], $2::integer[]) AS new (sku, stock) JOIN products AS product USING (sku)
), changed AS (
    UPDATE products SET stock = wanted.stock FROM wanted WHERE products.sku = wanted.sku
)
INSERT INTO stock_movements (sku, kind, change, stock, actor, note)
SELECT sku, $3, coalesce(stock, 0) - coalesce(stock_before, 0), stock, $4, $5 FROM wanted ORDER BY sku;
