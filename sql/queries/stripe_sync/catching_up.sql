-- Sessions that must have ended, and refunds that are only hinted at.

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
-- $1 livemode, $2 limit. An order of this mode with a charge whose refunded amount differs from the sum of its refunds, and the hint's key.
SELECT payments.order_id, charge_id, refund_hints.livemode, observed_at
FROM refund_hints JOIN payments ON payments.id = payment_id
WHERE checked_at IS NULL AND payments.order_id IS NOT NULL AND refund_hints.livemode = $1
    AND (SELECT orders.livemode FROM orders WHERE orders.id = payments.order_id) = $1
ORDER BY observed_at LIMIT $2;

-- name: follow_hint
-- $1 charge, $2 livemode, $3 observed_at. A newer hint that came meanwhile stays open.
UPDATE refund_hints SET checked_at = now() WHERE charge_id = $1 AND livemode = $2 AND observed_at = $3;
