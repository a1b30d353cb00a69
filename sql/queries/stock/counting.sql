-- The stock of products, for operators.

-- name: list_stock
-- $1 sku, or null for all products, $2 whether to list those that are not counted too. The least free first.
SELECT product.sku, product.name, product.stock, held.reserved, product.stock - held.reserved AS free, held.oversold
FROM products AS product
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity) FILTER (WHERE state = 'reserved'), 0)::integer AS reserved,
           coalesce(sum(quantity) FILTER (WHERE state = 'oversold'), 0)::integer AS oversold
    FROM stock_reservations WHERE sku = product.sku AND state IN ('reserved', 'oversold')
) AS held
WHERE ($1::text IS NULL OR product.sku = $1) AND ($2 OR product.stock IS NOT NULL)
ORDER BY free NULLS LAST, product.sku;

-- name: stock_history
-- $1 sku, $2 limit. Newest first.
SELECT movement.seq, movement.at, movement.kind, movement.change, movement.stock, orders.number AS order_number, movement.actor,
       movement.note
FROM (SELECT * FROM stock_movements WHERE sku = $1 ORDER BY seq DESC LIMIT $2) AS movement
LEFT JOIN orders ON orders.id = movement.order_id
ORDER BY movement.seq DESC;

-- name: oversold_orders
-- $1 skus, $2 limit for each. The oldest first.
SELECT DISTINCT found.id, found.number
FROM unnest($1::text[]) AS wanted (sku) CROSS JOIN LATERAL (
    SELECT orders.id, orders.number
    FROM stock_reservations AS held JOIN orders ON orders.id = held.order_id
    WHERE held.sku = wanted.sku AND held.state = 'oversold'
    ORDER BY orders.number LIMIT $2
) AS found
ORDER BY found.number;

-- name: takes_stock
-- $1 order id
SELECT EXISTS (SELECT FROM stock_reservations WHERE order_id = $1 AND state IN ('reserved', 'sold') AND restocked < quantity);
