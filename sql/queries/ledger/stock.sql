-- Reservations of counted products. The products are locked by lock_stock.

-- name: move_stock
-- $1 order ids, $2 skus, $3 states, $4 restocked pieces, $5 changes of the stock, $6 kinds of movement, $7 actor. What is no longer
-- counted has no movement.
WITH moved AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[])
        WITH ORDINALITY AS moved (order_id, sku, state, restocked, change, kind, place)
), held AS (
    UPDATE stock_reservations SET state = moved.state, restocked = moved.restocked
    FROM moved WHERE stock_reservations.order_id = moved.order_id AND stock_reservations.sku = moved.sku
), counted AS (
    UPDATE products SET stock = products.stock + total.change
    FROM (SELECT sku, sum(change)::integer AS change FROM moved WHERE change <> 0 GROUP BY sku) AS total
    WHERE products.sku = total.sku AND products.stock IS NOT NULL
    RETURNING products.sku, products.stock - total.change AS stock_before
)
INSERT INTO stock_movements (sku, kind, change, stock, order_id, actor)
SELECT sku, kind, change, stock_before + sum(change) OVER (PARTITION BY sku ORDER BY place), order_id, $7
FROM moved JOIN counted USING (sku) WHERE change <> 0 ORDER BY place;

-- name: restock
-- $1 order id, $2 skus, $3 pieces, $4 refund request, $5 actor. Returns what went back: no more than was sold, once for each request.
WITH back AS (
    SELECT held.sku, least(wanted.units, held.quantity - held.restocked) AS units
    FROM unnest($2::text[], $3::integer[]) AS wanted (sku, units)
    JOIN stock_reservations AS held ON held.order_id = $1 AND held.sku = wanted.sku AND held.state = 'sold'
    WHERE NOT EXISTS (SELECT FROM stock_movements WHERE request_id = $4 AND stock_movements.sku = wanted.sku)
), held AS (
    UPDATE stock_reservations SET restocked = restocked + back.units
    FROM back WHERE order_id = $1 AND stock_reservations.sku = back.sku AND back.units > 0
), counted AS (
    UPDATE products SET stock = products.stock + back.units
    FROM back WHERE products.sku = back.sku AND products.stock IS NOT NULL AND back.units > 0
    RETURNING products.sku, products.stock, back.units
)
INSERT INTO stock_movements (sku, kind, change, stock, order_id, request_id, actor)
SELECT sku, 'restocked', units, stock, $1, $4, $5 FROM counted ORDER BY sku
RETURNING sku, change AS units;
