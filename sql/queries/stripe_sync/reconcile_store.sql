-- Orders that may differ from Stripe.

-- name: orders_to_compare
-- $1 after this number, $2 livemode, $3 made or changed since. Open orders and those with attention, whatever their age.
SELECT number, id FROM (
    SELECT number, id, livemode FROM orders WHERE status IN ('pending', 'processing')
    UNION
    SELECT number, id, livemode FROM orders WHERE attention <> '{}'
    UNION
    SELECT number, id, livemode FROM orders WHERE created_at >= $3
    UNION
    SELECT number, id, livemode FROM orders WHERE id IN (SELECT order_id FROM order_changes WHERE at >= $3)
) AS found
WHERE number > $1 AND livemode = $2
ORDER BY number;

-- name: overdue_orders
-- $1 expired before, $2 livemode, $3 limit. Orders with an open session that should have ended, without an event from Stripe. Orders
-- that are processing are skipped: their money is on the way. Sessions older than a week are skipped too, or one that Stripe keeps
-- open would be asked about for ever.
SELECT order_id FROM (
    SELECT order_id, min(expires_at) AS expires_at FROM checkout_sessions
    WHERE status = 'open' AND expires_at < $1 AND expires_at > $1 - interval '7 days' AND order_id IS NOT NULL
    GROUP BY order_id
) AS overdue
JOIN orders ON orders.id = order_id
WHERE orders.livemode = $2 AND orders.status <> 'processing'
ORDER BY expires_at LIMIT $3;

-- name: settle_hints
-- Close the hints whose amount equals the sum of the refunds we have.
UPDATE refund_hints SET checked_at = now()
WHERE checked_at IS NULL AND amount_refunded = (
    SELECT coalesce(sum(amount), 0) FROM refunds
    WHERE refunds.payment_id = refund_hints.payment_id AND refunds.livemode = refund_hints.livemode
        AND status IN ('unknown', 'requires_action', 'pending', 'succeeded'));

-- name: hints_to_follow
SELECT charge_id, refund_hints.livemode, observed_at, payments.order_id
FROM refund_hints JOIN payments ON payments.id = payment_id
WHERE checked_at IS NULL AND payments.order_id IS NOT NULL AND refund_hints.livemode = $1
ORDER BY observed_at LIMIT $2;

-- name: follow_hint
-- $1 charge, $2 livemode, $3 observed_at. A newer hint that came meanwhile stays open.
UPDATE refund_hints SET checked_at = now() WHERE charge_id = $1 AND livemode = $2 AND observed_at = $3;
