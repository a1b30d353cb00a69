-- What the job that reads the balance asks of the database.

-- name: first_order_at
-- $1 livemode. When the first order was made, or null.
SELECT created_at FROM orders WHERE livemode = $1 ORDER BY created_at LIMIT 1;

-- name: newest_balance_event
-- $1 types. When the newest event of these was received, or null.
SELECT max((SELECT max(received_at) FROM stripe_events WHERE type = wanted.type AND status = 'ignored'))
FROM unnest($1::text[]) AS wanted (type);
