-- Who may do what.

-- name: find_operator
-- $1 name. The operator, unless disabled.
SELECT name, role, limits, os_user, token, database_role, created_by, created_at, disabled_at, disabled_by
FROM operators WHERE name = $1 AND disabled_at IS NULL;

-- name: has_operators
SELECT EXISTS (SELECT FROM operators WHERE disabled_at IS NULL);

-- name: refunded_by_operator
-- $1 order id, $2 operator, $3 currency. What they refunded of the order without approval, in minor units.
SELECT coalesce(sum(amount), 0)::bigint FROM refund_requests AS asked
WHERE order_id = $1 AND operator = $2 AND currency = $3 AND proposal IS NULL
    AND (error IS NULL OR EXISTS (
        SELECT FROM refunds WHERE payment_id = asked.payment_id AND request_id = asked.id::text AND status NOT IN ('canceled', 'failed')));
