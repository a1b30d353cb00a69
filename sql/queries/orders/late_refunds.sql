-- Orders that were paid late, and whose money goes back.

-- name: next_late_payment
-- $1 livemode, $2 number. The first order after that one that nobody has begun to refund or acknowledged.
SELECT DISTINCT orders.id, orders.number
FROM stock_reservations AS held JOIN orders ON orders.id = held.order_id
WHERE held.state = 'oversold' AND held.late = 'refund' AND orders.livemode = $1 AND 'oversold' = ANY (orders.attention)
    AND orders.status = 'completed' AND orders.number > $2
    AND NOT EXISTS (SELECT FROM refund_requests WHERE refund_requests.order_id = orders.id)
ORDER BY orders.number LIMIT 1;

-- name: late_payment_waits
-- $1 order id, whose row must be locked. Whether nobody has begun to refund or acknowledged it.
SELECT EXISTS (
    SELECT FROM stock_reservations AS held JOIN orders ON orders.id = held.order_id
    WHERE orders.id = $1 AND held.state = 'oversold' AND held.late = 'refund' AND 'oversold' = ANY (orders.attention)
        AND orders.status = 'completed'
        AND NOT EXISTS (SELECT FROM refund_requests WHERE refund_requests.order_id = orders.id));
