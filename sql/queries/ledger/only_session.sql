-- The first session of an order about which nothing else is known.

-- name: record_only_session
-- $1 key of the lock of the session's id, $2 order id, $3 attempt, $4 session id, $5 livemode, $6 status, $7 payment status, $8 URL,
-- $9 expires_at, $10 known_at. Returns whether it was recorded: see schema.sql.
SELECT record_only_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
