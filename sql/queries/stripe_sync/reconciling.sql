-- Orders that may differ from Stripe.

-- name: orders_to_compare
-- $1 after this number, $2 livemode, $3 made or changed since. Open orders and those with attention, whatever their age.
SELECT number, id FROM (
    SELECT number, id, livemode FROM orders WHERE status IN ('pending', 'processing')
    UNION
    SELECT number, id, livemode FROM orders WHERE attention <> '{}'
    UNION
    SELECT number, id, livemode FROM orders WHERE created_at >= $3
    UNION
    SELECT number, id, livemode FROM orders WHERE id IN (SELECT order_id FROM order_changes WHERE at >= $3)
) AS found
WHERE number > $1 AND livemode = $2
ORDER BY number;
