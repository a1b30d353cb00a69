-- name: spent_coupons
-- $1 livemode, $2 settled before, $3 given up before, $4 limit. Orders that no longer need their coupon at Stripe.
SELECT id FROM orders
WHERE amount_discount > 0 AND coupon_deleted_at IS NULL AND livemode = $1 AND updated_at < $2
    AND (status IN ('completed', 'partially_refunded', 'refunded', 'disputed', 'canceled')
         OR status IN ('pending', 'failed', 'expired') AND updated_at < $3)
    AND NOT EXISTS (SELECT FROM checkout_sessions WHERE order_id = orders.id AND status = 'open')
    AND NOT EXISTS (SELECT FROM session_attempts WHERE order_id = orders.id AND started_at >= $2)
ORDER BY updated_at LIMIT $4;

-- name: without_coupon
-- $1 order ids, $2 livemode. Those whose coupon was deleted.
SELECT id FROM orders WHERE id = ANY($1::uuid[]) AND coupon_deleted_at IS NOT NULL AND livemode = $2;

-- name: record_deleted_coupon
-- $1 order id, $2 skip if an attempt was started since: it has made the coupon again
UPDATE orders SET coupon_deleted_at = now()
WHERE id = $1 AND NOT EXISTS (SELECT FROM session_attempts WHERE order_id = $1 AND started_at >= $2);
