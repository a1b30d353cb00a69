-- name: count_declines
-- $1 an order whose email counts, $2 orders of one IP address. See schema.sql.
SELECT count_declines((SELECT customer_email FROM orders WHERE id = $1), $2);

-- name: count_declines_of_orders
-- $1 orders. The same without an email.
SELECT count_declines('', $1);

-- name: refunds_of_order
-- $1 order id, $2 livemode. Oldest first, without those of whose status only a word is known that is newer than this program.
SELECT amount, refunds.currency, status, refunds.created_at
FROM payments JOIN refunds ON refunds.payment_id = payments.id AND refunds.livemode = $2
WHERE order_id = $1 AND status <> 'unknown' ORDER BY refunds.created_at, refunds.id;
