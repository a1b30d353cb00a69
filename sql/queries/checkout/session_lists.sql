-- Sessions as lists show them, newest order first.

-- name: list_sessions
-- $1 statuses or null, $2 since, $3 limit
SELECT s.id, s.order_id, o.number, s.attempt, s.status, s.outcome AS payment_status, o.amount_total, o.currency, s.created_at, s.expires_at, s.url
FROM orders AS o JOIN checkout_sessions AS s ON s.order_id = o.id AND s.livemode = o.livemode
WHERE o.created_at >= $2 AND ($1::text[] IS NULL OR s.status = ANY($1::text[]))
ORDER BY o.created_at DESC, o.number DESC, s.attempt DESC, s.created_at DESC LIMIT $3;

-- name: sessions_of_order
SELECT s.id, s.order_id, o.number, s.attempt, s.status, s.outcome AS payment_status, o.amount_total, o.currency, s.created_at, s.expires_at, s.url
FROM orders AS o JOIN checkout_sessions AS s ON s.order_id = o.id AND s.livemode = o.livemode
WHERE o.id = $1
ORDER BY s.attempt DESC, s.created_at DESC;
