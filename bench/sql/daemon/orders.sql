-- $1 how many. Id, session, total, number and shop of the orders that wait to be paid, oldest first. Those of a history are in euros.
SELECT orders.id::text, session.id, amount_total, number, shop.id::text
FROM orders JOIN checkout_sessions AS session ON session.order_id = orders.id CROSS JOIN shop_identity AS shop
WHERE orders.status = 'pending' AND orders.currency = 'usd' ORDER BY number LIMIT $1
