-- Reservations whose time is over.

-- name: lapsed_reservations
-- $1 limit. Those of orders that are being paid stay until the money has arrived or failed.
SELECT DISTINCT due.order_id
FROM (
    SELECT held.order_id FROM stock_reservations AS held JOIN orders ON orders.id = held.order_id
    WHERE held.state = 'reserved' AND held.held_until <= now() AND orders.status <> 'processing'
    ORDER BY held.held_until LIMIT $1
) AS due;
