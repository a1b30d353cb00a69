-- $1 the checkouts that were answered with 2xx since the database was created. One row for each check.
SELECT 'orders with an open session' AS "check", count(DISTINCT orders.id) AS got, $1::bigint AS want
FROM orders JOIN session_attempts AS made ON made.order_id = orders.id
JOIN checkout_sessions AS session ON session.id = made.session_id AND session.order_id = orders.id
WHERE session.status = 'open' AND orders.status = 'pending'
UNION ALL
SELECT 'attempts to create a session', count(*), $1 FROM session_attempts
UNION ALL
SELECT 'orders whose total differs from their items', count(*), 0
FROM (
    SELECT orders.id FROM orders LEFT JOIN order_items AS item ON item.order_id = orders.id
    GROUP BY orders.id HAVING amount_total IS DISTINCT FROM sum(item.amount)
) AS wrong
UNION ALL
SELECT 'items priced other than the catalog', count(*), 0
FROM order_items JOIN products USING (sku) WHERE order_items.unit_amount <> products.unit_amount
