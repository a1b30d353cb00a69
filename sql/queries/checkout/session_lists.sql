-- Sessions as lists show them: the newest order first, the last attempt first. OFFSET 0 has the planner look up one order's sessions, or
-- one session's order, after the other.

-- name: list_sessions
-- $1 statuses or null, $2 orders created since, $3 limit; $4 to $7 an upper bound (exclusive) of the order's created_at and number, and of
-- the session's attempt and created_at: the last session of the previous page, or `until`
SELECT s.id, o.id AS order_id, o.number, s.attempt, s.status, s.payment_status, o.amount_total, o.currency, s.created_at, s.expires_at, s.url, o.livemode
FROM orders AS o
CROSS JOIN LATERAL (
    SELECT id, attempt, status, outcome AS payment_status, created_at, expires_at, url FROM checkout_sessions
    WHERE order_id = o.id AND livemode = o.livemode OFFSET 0
) AS s
WHERE ($1::text[] IS NULL OR s.status = ANY($1)) AND o.created_at >= $2 AND o.created_at <= $4
    AND (o.created_at, o.number, s.attempt, s.created_at) < ($4, $5::bigint, $6::integer, $7::timestamptz)
ORDER BY o.created_at DESC, o.number DESC, s.attempt DESC, s.created_at DESC LIMIT $3;

-- name: list_unpaid_sessions
-- The same for open and expired sessions, which may be few: those of the newest orders, and those that expire last. These are of the
-- newest orders too, unless CHECKOUT_SESSION_MINUTES has just been shortened, or a session was made for an older order.
SELECT s.id, s.order_id, o.number, s.attempt, s.status, s.outcome AS payment_status, o.amount_total, o.currency, s.created_at, s.expires_at, s.url, s.livemode
FROM (
    (SELECT id, order_id, livemode, attempt, status, outcome, created_at, expires_at, url FROM checkout_sessions
     WHERE status = 'open' AND 'open' = ANY($1::text[]) ORDER BY expires_at DESC LIMIT 1000 + 2 * $3::bigint)
    UNION
    (SELECT id, order_id, livemode, attempt, status, outcome, created_at, expires_at, url FROM checkout_sessions
     WHERE status = 'expired' AND 'expired' = ANY($1::text[]) ORDER BY expires_at DESC LIMIT 1000 + 2 * $3::bigint)
    UNION
    SELECT late.*
    FROM (SELECT id FROM orders WHERE created_at >= $2 ORDER BY created_at DESC, number DESC LIMIT 1000) AS newest
    CROSS JOIN LATERAL (
        SELECT id, order_id, livemode, attempt, status, outcome, created_at, expires_at, url FROM checkout_sessions
        WHERE order_id = newest.id OFFSET 0
    ) AS late
    WHERE late.status = ANY($1::text[])
) AS s
CROSS JOIN LATERAL (
    SELECT number, amount_total, currency, created_at FROM orders WHERE id = s.order_id AND livemode = s.livemode OFFSET 0
) AS o
WHERE o.created_at >= $2
ORDER BY o.created_at DESC, o.number DESC, s.attempt DESC, s.created_at DESC LIMIT $3;

-- name: list_sessions_of_order
-- $1 order
SELECT s.id, s.order_id, o.number, s.attempt, s.status, s.outcome AS payment_status, o.amount_total, o.currency, s.created_at, s.expires_at, s.url, s.livemode
FROM orders AS o JOIN checkout_sessions AS s ON s.order_id = o.id AND s.livemode = o.livemode
WHERE o.id = $1
ORDER BY s.attempt DESC, s.created_at DESC;

-- name: session_cursor
-- $1 session
SELECT o.created_at AS ordered_at, o.number, s.attempt, s.created_at
FROM checkout_sessions AS s JOIN orders AS o ON o.id = s.order_id AND o.livemode = s.livemode
WHERE s.id = $1;
