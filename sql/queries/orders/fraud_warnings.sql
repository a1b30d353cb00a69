-- Early fraud warnings, and what was decided about them.

-- name: undecided_fraud_warnings
-- $1 livemode, $2 limit, $3 and $4 created_at and id of the last one of the previous page. Those of paid orders.
SELECT warning.id, warning.created_at, orders.id AS order_id, orders.number
FROM fraud_warnings AS warning
JOIN payments ON payments.id = warning.payment_id
JOIN orders ON orders.id = payments.order_id AND orders.livemode = warning.livemode
WHERE warning.decided_at IS NULL AND warning.livemode = $1 AND orders.paid_at IS NOT NULL
    AND (warning.created_at, warning.id) > ($3, $4)
ORDER BY warning.created_at, warning.id LIMIT $2;

-- name: lock_fraud_warning
-- $1 id, $2 livemode. Whether it is undecided; the order is locked before.
SELECT decided_at IS NULL FROM fraud_warnings WHERE id = $1 AND livemode = $2 FOR UPDATE;

-- name: record_fraud_decision
-- $1 id, $2 livemode, $3 decision
UPDATE fraud_warnings SET decision = $3, decided_at = now() WHERE id = $1 AND livemode = $2;

-- name: fraud_warning_waits
-- $1 id, $2 livemode, $3 order id, $4 since when it is waited for. Whether it may yet be refunded or ignored without a person. If that takes
-- long, a person is asked all the same.
SELECT $4 > now() - interval '15 minutes' AND (
    EXISTS (SELECT FROM fraud_warnings WHERE id = $1 AND livemode = $2 AND decided_at IS NULL)
    OR EXISTS (SELECT FROM refund_requests WHERE order_id = $3 AND answered_at IS NULL));

-- name: risk_of_payment
-- $1 payment, $2 livemode. The level of risk of its charge that succeeded.
SELECT risk_level FROM charges WHERE payment_id = $1 AND livemode = $2 AND status = 'succeeded' ORDER BY created_at DESC LIMIT 1;
