-- name: lock_orders
-- $1 order ids; their rows, locked in the order of their ids
SELECT id, number, status, attention, amount_refunded, paid_at, amount_total, currency, livemode
FROM orders WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE;
