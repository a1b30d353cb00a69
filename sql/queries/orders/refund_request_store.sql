-- Refunds that operators request, written before Stripe is asked.

-- name: unanswered_refund_request
-- $1 order id. At most one row.
SELECT id, order_id, payment_id, amount, currency, parameters, started_at, attempts, now() - started_at AS age, next_attempt_at,
       items, restock
FROM refund_requests WHERE order_id = $1 AND answered_at IS NULL;

-- name: insert_refund_request
-- $1 id, $2 order id, $3 payment id, $4 amount, $5 currency, $6 parameters, $7 started_at, $8 when a job resumes it, $9 items as JSON
-- or null, $10 hash of what was asked for, or null, $11 whether its items go back into stock, $12 operator, $13 number of its proposal, or
-- null
INSERT INTO refund_requests (id, order_id, payment_id, amount, currency, parameters, started_at, next_attempt_at, items, asked, restock,
                             operator, proposal)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: refunded_items
-- $1 order id, $2 payment id. The refund requests by items that Stripe answered with a refund, and their items.
SELECT id::text, refund_id, items FROM refund_requests
WHERE order_id = $1 AND payment_id = $2 AND items IS NOT NULL ORDER BY started_at;

-- name: answer_refund_request
-- $1 id, $2 refund id or null, $3 refusal or null. Returns the id unless the request was answered before.
UPDATE refund_requests SET answered_at = now(), refund_id = $2, error = $3 WHERE id = $1 AND answered_at IS NULL RETURNING id;

-- name: claim_refund_request
-- $1 time until another process may try, $2 livemode of our key. Claim the request that has waited longest.
UPDATE refund_requests SET attempts = attempts + 1, next_attempt_at = now() + $1::interval * (attempts + 1)
WHERE id = (
    SELECT due.id FROM refund_requests AS due JOIN orders ON orders.id = due.order_id
    WHERE due.answered_at IS NULL AND due.next_attempt_at <= now() AND orders.livemode = $2
    ORDER BY due.next_attempt_at LIMIT 1 FOR UPDATE OF due SKIP LOCKED)
RETURNING id, order_id, payment_id, amount, currency, parameters, started_at, attempts, now() - started_at AS age, next_attempt_at,
          items, restock;

-- name: claim_named_refund_request
-- $1 id, $2 time until another process may try. Claim one request unless it was answered; return it either way.
UPDATE refund_requests SET
    attempts = attempts + CASE WHEN answered_at IS NULL THEN 1 ELSE 0 END,
    next_attempt_at = CASE WHEN answered_at IS NULL THEN now() + $2::interval * (attempts + 1) ELSE next_attempt_at END
WHERE id = $1
RETURNING id, order_id, payment_id, amount, currency, parameters, started_at, attempts, now() - started_at AS age, next_attempt_at,
          refund_id, error, items, asked, restock;
