-- Sessions as lists show them.

-- name: list_sessions
-- $1 order or null, $2 statuses or null, $3 orders created since, $4 limit or null. Newest order first, last attempt first.
SELECT s.id, s.order_id, o.number, s.attempt, s.status, s.outcome AS payment_status, o.amount_total, o.currency, s.created_at, s.expires_at, s.url
FROM orders AS o JOIN checkout_sessions AS s ON s.order_id = o.id AND s.livemode = o.livemode
WHERE ($1::uuid IS NULL OR o.id = $1) AND ($2::text[] IS NULL OR s.status = ANY($2)) AND o.created_at >= $3
ORDER BY o.created_at DESC, o.number DESC, s.attempt DESC, s.created_at DESC LIMIT $4;
