-- Who may do what.

-- name: find_operator
-- $1 name. The operator, unless disabled.
SELECT name, role, limits, os_user, token, database_role, created_by, created_at, disabled_at, disabled_by
FROM operators WHERE name = $1 AND disabled_at IS NULL;

-- name: has_operators
SELECT EXISTS (SELECT FROM operators WHERE disabled_at IS NULL);

-- name: refunded_by_operator
-- $1 order ids, $2 operator. What they refunded of each order without approval, by currency, in minor units.
SELECT asked.order_id::text, currency, sum(amount)::bigint AS amount FROM refund_requests AS asked
WHERE asked.order_id = ANY($1::uuid[]) AND operator = $2 AND proposal IS NULL
    AND (error IS NULL OR EXISTS (
        SELECT FROM refunds WHERE payment_id = asked.payment_id AND request_id = asked.id::text AND status NOT IN ('canceled', 'failed')))
GROUP BY asked.order_id, currency;
