-- Discount codes.

-- name: list_discounts
SELECT code, percent_off, amount_off, currency, minimum_subtotal, starts_at, ends_at, redemption_limit
FROM discounts ORDER BY code;

-- name: find_discount
-- $1 code
SELECT code, percent_off, amount_off, currency, minimum_subtotal, starts_at, ends_at, redemption_limit
FROM discounts WHERE code = $1;

-- name: lock_discount
-- $1 code
SELECT code, percent_off, amount_off, currency, minimum_subtotal, starts_at, ends_at, redemption_limit
FROM discounts WHERE code = $1 FOR UPDATE;

-- name: lock_discount_of_order
-- $1 order id. The discount of the order's code, if it has a limit.
SELECT discount.code, discount.percent_off, discount.amount_off, discount.currency, discount.minimum_subtotal, discount.starts_at,
       discount.ends_at, discount.redemption_limit
FROM orders JOIN discounts AS discount ON discount.code = orders.discount_code
WHERE orders.id = $1 AND discount.redemption_limit IS NOT NULL FOR UPDATE OF discount;

-- name: count_redemptions
-- $1 code, $2 livemode, $3 order id or null. How many other orders hold a redemption, and whether this one does. An unpaid order holds
-- one while it can be paid: it has a session that has not expired, or an attempt whose session Stripe may have made and that has not
-- ended. All others return theirs if they are pending, failed, expired or canceled. The first condition is that of orders_redeeming.
SELECT count(*) FILTER (WHERE redeeming.id IS DISTINCT FROM $3::uuid) AS others,
       coalesce(bool_or(redeeming.id = $3::uuid), false) AS held
FROM (
    SELECT id, status FROM orders
    WHERE discount_code = $1 AND livemode = $2 AND status NOT IN ('failed', 'expired', 'canceled')
    UNION ALL
    -- By the few attempts without an answer, not by the orders of the code, of which most may have expired. OFFSET 0 keeps the planner
    -- from reading whole tables to hash them.
    SELECT ended.id, ended.status
    FROM (
        SELECT DISTINCT order_id FROM session_attempts WHERE session_id IS NULL AND started_at > now() - interval '25 hours' OFFSET 0
    ) AS unanswered
    CROSS JOIN LATERAL (
        SELECT id, status FROM orders
        WHERE id = unanswered.order_id AND discount_code = $1 AND livemode = $2 AND status IN ('failed', 'expired') OFFSET 0
    ) AS ended
) AS redeeming
WHERE redeeming.status NOT IN ('pending', 'failed', 'expired')
    OR redeeming.status = 'pending' AND EXISTS (
        SELECT FROM checkout_sessions AS session
        WHERE session.order_id = redeeming.id AND session.status <> 'expired' OFFSET 0)
    OR EXISTS (
        SELECT FROM (SELECT * FROM session_attempts WHERE order_id = redeeming.id OFFSET 0) AS attempt
        WHERE attempt.session_id IS NULL
            AND (attempt.rejected_at IS NULL OR EXISTS (
                SELECT FROM doubtful_attempts AS doubt
                WHERE doubt.order_id = attempt.order_id AND doubt.attempt = attempt.attempt AND doubt.closed_at IS NULL OFFSET 0))
            -- Without expires_at, Stripe keeps a session open for 24 hours.
            AND coalesce(to_timestamp((attempt.parameters::jsonb #>> '{session,expires_at}')::bigint),
                         attempt.started_at + interval '24 hours') > now());

-- name: upsert_discounts
-- $1 codes, $2 percent off, $3 amounts off, $4 currencies, $5 minimum subtotals, $6 starts, $7 ends, $8 redemption limits
INSERT INTO discounts (code, percent_off, amount_off, currency, minimum_subtotal, starts_at, ends_at, redemption_limit)
SELECT * FROM unnest(
    $1::text[], $2::numeric[], $3::bigint[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::integer[])
ON CONFLICT (code) DO UPDATE SET
    percent_off = excluded.percent_off, amount_off = excluded.amount_off, currency = excluded.currency,
    minimum_subtotal = excluded.minimum_subtotal, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    redemption_limit = excluded.redemption_limit, updated_at = now();
