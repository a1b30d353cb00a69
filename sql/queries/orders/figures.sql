-- The shop's figures, and what needs attention.

-- name: read_day
-- $1 since, $2 livemode. Orders made since, by status, and how many of them were paid.
SELECT status, count(*) AS made, count(paid_at) AS paid FROM orders WHERE created_at >= $1 AND livemode = $2 GROUP BY status;

-- name: read_revenue
-- $1 since, $2 length of an interval, $3 livemode. Net revenue in each interval, by currency: of each order what was paid and not
-- refunded, its total at most. The payments are read only of orders with refunds that are not refunded: they may have several.
SELECT date_bin($2::interval, paid_at, $1) AS at, currency, count(*) AS orders,
       sum(CASE WHEN amount_refunded = 0 THEN amount_total
                WHEN status = 'refunded' THEN 0
                ELSE least(amount_total, amount_total * greatest(1, (
                    SELECT count(*) FROM (
                        SELECT payments.id FROM payments JOIN payment_observations AS seen ON seen.payment_id = payments.id
                        WHERE payments.order_id = orders.id GROUP BY payments.id
                        HAVING bool_and((seen.amount, seen.currency, seen.livemode)
                                        = (orders.amount_total, orders.currency, orders.livemode))
                    ) AS valid)) - amount_refunded)
           END)::bigint AS amount
FROM orders WHERE paid_at >= $1 AND livemode = $3 GROUP BY 1, 2 ORDER BY 1, 2;

-- name: read_trouble
-- $1 now, $2 the latest expires_at of a session that should have ended, $3 the latest created_at of an order that has been processing
-- for too long, $4 livemode. Counts of what a person should look at, in one mode: what is of test mode is no alarm under a live key. Lag: median of the newest events, from Stripe's clock to ours.
SELECT
    (SELECT count(*) FROM checkout_sessions WHERE status = 'open' AND expires_at < $2 AND order_id IS NOT NULL AND livemode = $4)
    + (SELECT count(*) FROM orders WHERE status = 'processing' AND created_at < $3 AND livemode = $4) AS stuck,
    (SELECT count(*) FROM orders WHERE attention <> '{}' AND created_at <= $1 AND livemode = $4) AS attention,
    (SELECT count(*) FROM stripe_events WHERE status = 'failed' AND livemode IS DISTINCT FROM NOT $4) AS events_failed,
    (SELECT count(*) FROM stripe_events WHERE status IN ('failed', 'dead') AND status = 'dead' AND livemode IS DISTINCT FROM NOT $4) AS events_dead,
    (SELECT count(*) FROM outbox WHERE channel IN ('mail', 'alert', 'webhook') AND status = 'dead'
     AND NOT EXISTS (SELECT FROM orders WHERE id = outbox.order_id AND livemode <> $4)) AS messages_dead,
    (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY greatest(extract(epoch FROM received_at - created_at), 0))::float8
     FROM (SELECT received_at, created_at FROM stripe_events WHERE received_at > $1 - interval '1 day'
           ORDER BY received_at DESC, id DESC LIMIT 100) AS newest
     WHERE created_at IS NOT NULL) AS lag_seconds;

-- name: read_arrivals
-- $1 since, $2 length of an interval. Events received in each, and the median of the seconds from Stripe's clock to ours.
SELECT date_bin($2::interval, received_at, $1) AS at, count(*) AS events,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY greatest(extract(epoch FROM received_at - created_at), 0))::float8 AS lag_seconds
FROM stripe_events WHERE received_at >= $1 GROUP BY 1 ORDER BY 1;

-- name: read_owed
-- $1 since, $2 length of an interval. Messages that became owed in each.
SELECT date_bin($2::interval, created_at, $1) AS at, count(*) AS messages
FROM (VALUES ('mail'), ('alert'), ('webhook')) AS wanted (channel)
CROSS JOIN (VALUES ('queued'), ('sent'), ('failed'), ('dead'), ('skipped'), ('dismissed')) AS outcome (status)
JOIN outbox ON outbox.channel = wanted.channel AND outbox.status = outcome.status
WHERE created_at >= $1 GROUP BY 1 ORDER BY 1;
