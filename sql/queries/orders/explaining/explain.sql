-- What `checkout orders explain` reads in addition to `orders show`.

-- name: read_hints
-- $1 order id. Charges whose refunded amount differs from the sum of the refunds we have, until a daemon has asked Stripe for them.
SELECT charge_id, amount_refunded, stored.amount AS amount_held
FROM refund_hints
JOIN payments ON payments.id = payment_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0)::bigint AS amount FROM refunds
    WHERE refunds.payment_id = refund_hints.payment_id AND refunds.livemode = refund_hints.livemode
        AND status IN ('unknown', 'requires_action', 'pending', 'succeeded')
) AS stored
WHERE payments.order_id = $1 AND amount_refunded <> stored.amount AND checked_at IS NULL
ORDER BY charge_id;

-- name: read_late_effects
-- $1 order id. Refunds and sessions that appeared after their request was given up.
SELECT refunds.id FROM refunds
JOIN payments ON payments.id = refunds.payment_id
JOIN refund_requests AS request ON request.order_id = $1 AND request.id::text = refunds.request_id AND request.error IS NOT NULL
WHERE payments.order_id = $1
UNION
SELECT session.id FROM checkout_sessions AS session
JOIN doubtful_attempts AS doubt
    ON doubt.order_id = $1 AND doubt.attempt = session.attempt AND doubt.closed_at IS NOT NULL
WHERE session.order_id = $1 AND session.status = 'complete'
ORDER BY id;

-- name: read_oversold
-- $1 order id. The pieces that are not there for it, such as `2 × PEN`, or null.
SELECT string_agg(quantity || ' × ' || sku, ', ' ORDER BY sku) FROM stock_reservations WHERE order_id = $1 AND state = 'oversold';

-- name: read_acknowledged
-- $1 order id. The codes of attention that persons acknowledged, each with its subject.
SELECT reason, subject FROM acts WHERE order_id = $1 AND kind = 'acknowledged';

-- name: unapplied_events_naming
-- $1 since, $2 texts. The newest failed and dead events whose payloads contain one of the texts.
SELECT newest.id FROM (
    SELECT id, received_at FROM stripe_events
    WHERE status IN ('failed', 'dead') AND received_at >= $1
    ORDER BY received_at DESC, id DESC LIMIT 500
) AS newest
JOIN stripe_event_payloads AS payload ON payload.event_id = newest.id AND payload.received_at = newest.received_at
WHERE EXISTS (SELECT FROM unnest($2::text[]) AS wanted WHERE strpos(payload.payload, wanted) > 0)
ORDER BY newest.received_at, newest.id LIMIT 20;
