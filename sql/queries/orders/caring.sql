-- Who takes care of an order, and until when its open items wait.

-- name: read_care
-- $1 order id. One row, whether the order has an owner or not; a snooze that is over is left out.
SELECT orders.id AS order_id, orders.number, owner, CASE WHEN snoozed_until > now() THEN snoozed_until END AS snoozed_until
FROM orders LEFT JOIN order_care ON order_care.order_id = orders.id WHERE orders.id = $1;

-- name: set_owner
-- $1 order id, $2 name or null
INSERT INTO order_care (order_id, owner) VALUES ($1, $2)
ON CONFLICT (order_id) DO UPDATE SET owner = excluded.owner;

-- name: set_snooze
-- $1 order id, $2 until or null, $3 the items that it is about
INSERT INTO order_care (order_id, snoozed_until, snoozed) VALUES ($1, $2, $3)
ON CONFLICT (order_id) DO UPDATE SET snoozed_until = excluded.snoozed_until, snoozed = excluded.snoozed;
