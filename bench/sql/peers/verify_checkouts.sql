-- $1 the checkouts that were answered with 2xx since the database was created. One row for each check.
SELECT 'orders with a session' AS "check", count(stripe_session_id) AS got, $1::bigint AS want FROM orders
UNION ALL
SELECT 'orders whose total differs from their items', count(*), 0
FROM (
    SELECT o.id FROM orders AS o LEFT JOIN order_items AS i ON i.order_id = o.id
    GROUP BY o.id HAVING o.total_cents IS DISTINCT FROM sum(i.quantity * i.price_cents)
) AS wrong
UNION ALL
SELECT 'items priced other than the catalog', count(*), 0
FROM order_items AS i JOIN products AS p ON p.id = i.product_id WHERE i.price_cents <> p.price_cents
