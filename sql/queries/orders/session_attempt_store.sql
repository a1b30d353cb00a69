-- Session attempts: each request to Stripe for a Checkout Session, written before it is sent.

-- name: last_attempt
-- $1 order id
SELECT attempt AS number, parameters, started_at, session_id, rejected_at IS NOT NULL AS rejected, error, now() - started_at AS age,
       parameters::jsonb #>> '{session,customer_email}' IS DISTINCT FROM customer_email AS misaddressed
FROM session_attempts JOIN orders ON orders.id = order_id WHERE order_id = $1 ORDER BY attempt DESC LIMIT 1;

-- name: list_attempts
-- $1 order id
SELECT attempt AS number, started_at, session_id, rejected_at, error FROM session_attempts WHERE order_id = $1 ORDER BY attempt;

-- name: insert_attempt
-- $1 order id, $2 attempt, $3 parameters with \u0001 and \u0002 in place of the order's number and the shop. The coupon will be made
-- again. Earlier attempts without an answer become doubtful: Stripe may have made their session.
WITH coupon AS (
    UPDATE orders SET coupon_deleted_at = NULL WHERE id = $1::uuid AND coupon_deleted_at IS NOT NULL
), doubt AS (
    INSERT INTO doubtful_attempts (order_id, attempt)
    SELECT order_id, attempt FROM session_attempts
    WHERE order_id = $1::uuid AND attempt < $2 AND session_id IS NULL AND rejected_at IS NULL
    ON CONFLICT (order_id, attempt) DO NOTHING
)
INSERT INTO session_attempts (order_id, attempt, parameters, started_at)
SELECT id, $2, replace(replace($3, '"\u0001"', '"' || number || '"'),
                       '"\u0002"', '"' || coalesce((SELECT id::text FROM shop_identity LIMIT 1), '') || '"'), now()
FROM orders WHERE id = $1::uuid
RETURNING parameters;

-- name: record_session
-- $1 order id, $2 attempt, $3 session id
UPDATE session_attempts SET session_id = $3, rejected_at = NULL, error = NULL WHERE order_id = $1 AND attempt = $2;

-- name: record_rejection
-- $1 order id, $2 attempt, $3 error, $4 whether a session may still appear. A session that was recorded meanwhile stays.
WITH rejected AS (
    UPDATE session_attempts SET rejected_at = now(), error = $3
    WHERE order_id = $1 AND attempt = $2 AND session_id IS NULL RETURNING order_id, attempt
)
INSERT INTO doubtful_attempts (order_id, attempt) SELECT order_id, attempt FROM rejected WHERE $4
ON CONFLICT (order_id, attempt) DO NOTHING;

-- name: doubtful_attempts
-- $1 limit, $2 livemode. Attempts due for a look at Stripe: a minute after the doubt began, then each time its age has doubled.
SELECT doubt.order_id, orders.number AS order_number, doubt.attempt AS number, now() - attempt.started_at AS age
FROM doubtful_attempts AS doubt
JOIN session_attempts AS attempt USING (order_id, attempt)
JOIN orders ON orders.id = doubt.order_id
WHERE doubt.closed_at IS NULL AND orders.livemode = $2
    AND now() >= doubt.since + greatest(interval '1 minute', 2 * (coalesce(doubt.looked_at, doubt.since) - doubt.since))
ORDER BY doubt.since LIMIT $1;

-- name: is_doubtful
-- $1 order id, $2 attempt
SELECT EXISTS (SELECT FROM doubtful_attempts WHERE order_id = $1 AND attempt = $2 AND closed_at IS NULL);

-- name: settle_doubt
-- $1 order id, $2 attempt
DELETE FROM doubtful_attempts WHERE order_id = $1 AND attempt = $2;

-- name: record_look
-- $1 order id, $2 attempt, $3 when to give up. Returns whether it is given up now.
UPDATE doubtful_attempts SET looked_at = now(), closed_at = CASE WHEN now() >= since + $3::interval THEN now() END
WHERE order_id = $1 AND attempt = $2 RETURNING closed_at IS NOT NULL;

-- name: unsettled_sessions
-- $1 order id. Sessions that may have changed at Stripe: open ones, and complete ones that are not paid yet.
SELECT id FROM checkout_sessions
WHERE order_id = $1 AND (status = 'open' OR status = 'complete' AND outcome = 'unpaid') ORDER BY created_at, id;
