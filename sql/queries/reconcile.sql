-- Orders that may differ from Stripe.

-- name: orders_to_compare
-- $1 after this number, $2 livemode, $3 recent: made or changed since then. Open and flagged ones whatever their age.
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
-- Sessions that must have ended by now though nobody told us; $1 since when at least, $2 livemode, $3 how many. Of an order that is
-- processing nothing is asked: its money is on the way. Those of last week only: what Stripe still calls open is asked no longer.
SELECT order_id FROM (
    SELECT order_id, min(expires_at) AS expires_at FROM checkout_sessions
    WHERE status = 'open' AND expires_at < $1 AND expires_at > $1 - interval '7 days' AND order_id IS NOT NULL
    GROUP BY order_id
) AS overdue
JOIN orders ON orders.id = order_id
WHERE orders.livemode = $2 AND orders.status <> 'processing'
ORDER BY expires_at LIMIT $3;

-- name: settle_hints
-- What a charge said of its refunds, and the refunds held say the same: nothing to follow.
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
-- Unless a newer one has come meanwhile.
UPDATE refund_hints SET checked_at = now() WHERE charge_id = $1 AND livemode = $2 AND observed_at = $3;
