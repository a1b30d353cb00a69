-- name: order_labels
-- $1 ids of orders, $2 numbers of orders
SELECT id, number, amount_total, currency FROM orders WHERE id = ANY($1::uuid[]) OR number = ANY($2::bigint[]);
