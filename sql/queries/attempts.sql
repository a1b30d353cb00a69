-- Session attempts: what was asked of Stripe, written before it was asked.

-- name: last_attempt
-- $1 order id
SELECT attempt, parameters, started_at, session_id, rejected_at, error
FROM session_attempts WHERE order_id = $1 ORDER BY attempt DESC LIMIT 1;

-- name: list_attempts
-- $1 order id
SELECT attempt, started_at, session_id, rejected_at, error FROM session_attempts WHERE order_id = $1 ORDER BY attempt;

-- name: insert_attempt
-- $1 order id, $2 attempt, $3 parameters, $4 started_at; its coupon is made again
WITH coupon AS (
    UPDATE orders SET coupon_deleted_at = NULL WHERE id = $1::uuid AND coupon_deleted_at IS NOT NULL
)
INSERT INTO session_attempts (order_id, attempt, parameters, started_at) VALUES ($1, $2, $3, $4);

-- name: record_session
-- $1 order id, $2 attempt, $3 session id
UPDATE session_attempts SET session_id = $3, rejected_at = NULL, error = NULL WHERE order_id = $1 AND attempt = $2;

-- name: record_rejection
-- $1 order id, $2 attempt, $3 error; a session that came meanwhile stays
UPDATE session_attempts SET rejected_at = now(), error = $3 WHERE order_id = $1 AND attempt = $2 AND session_id IS NULL;

-- name: read_sessions
-- $1 order id
SELECT id, livemode, attempt, status, outcome, url, expires_at, created_at
FROM checkout_sessions WHERE order_id = $1 ORDER BY attempt, created_at, id;

-- name: unsettled_sessions
-- $1 order id; those of which Stripe may know more than we: open, or complete and not paid yet
SELECT id FROM checkout_sessions
WHERE order_id = $1 AND (status = 'open' OR status = 'complete' AND outcome = 'unpaid') ORDER BY created_at, id;
