-- Reservations whose time is over.

-- name: lapsed_reservations
-- $1 limit. Those of orders that are being paid stay until the money has arrived or failed.
SELECT DISTINCT held.order_id
FROM (
    SELECT order_id FROM stock_reservations WHERE state = 'reserved' AND held_until <= now() ORDER BY held_until LIMIT $1
) AS held
JOIN orders ON orders.id = held.order_id AND orders.status <> 'processing';
