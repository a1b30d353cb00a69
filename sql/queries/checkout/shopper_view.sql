-- name: count_declines
-- $1 an order whose email counts, $2 orders of one IP address. See schema.sql.
SELECT count_declines((SELECT customer_email FROM orders WHERE id = $1), $2);
