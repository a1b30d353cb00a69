-- Lines of the balance, by order and by their source.

-- name: list_lines
-- $1 livemode, $2 and $3 made since and before, $4 and $5 a lower bound (exclusive) of created_at and id, $6 limit. The oldest first.
SELECT b.*, o.order_id, o.number
FROM balance_transactions AS b
LEFT JOIN LATERAL (
    SELECT orders.id AS order_id, orders.number FROM payments JOIN orders ON orders.id = payments.order_id
    WHERE payments.id = b.payment_id OFFSET 0
) AS o ON true
WHERE b.livemode = $1 AND b.created_at >= $2 AND b.created_at < $3 AND (b.created_at, b.id) > ($4, $5)
ORDER BY b.created_at, b.id LIMIT $6;

-- name: list_lines_of_order
-- $1 order. The oldest first.
SELECT b.*, orders.id AS order_id, orders.number
FROM orders JOIN payments ON payments.order_id = orders.id JOIN balance_transactions AS b ON b.payment_id = payments.id
WHERE orders.id = $1 ORDER BY b.created_at, b.id;

-- name: list_lines_of_source
-- $1 a dispute, refund or charge. The oldest first. Its payment is found by the dispute or refund that we hold, as the source has no index.
SELECT b.*, o.order_id, o.number
FROM (SELECT payment_id FROM disputes WHERE id = $1 UNION SELECT payment_id FROM refunds WHERE id = $1
      UNION SELECT target_id FROM links WHERE source_id = $1 UNION SELECT $1) AS p (payment_id)
CROSS JOIN LATERAL (SELECT * FROM balance_transactions WHERE payment_id = p.payment_id OFFSET 0) AS b
LEFT JOIN LATERAL (
    SELECT orders.id AS order_id, orders.number FROM payments JOIN orders ON orders.id = payments.order_id
    WHERE payments.id = b.payment_id OFFSET 0
) AS o ON true
WHERE b.source_id = $1
ORDER BY b.created_at, b.id;
