-- Reminders of orders that were left unpaid.

-- name: owe_reminders
-- $1 livemode, $2 made before, $3 made since, $4 limit. Returns the orders whose reminder is owed now.
INSERT INTO outbox (order_id, kind, subject_id, channel)
SELECT due.id, 'order.reminder', '', 'mail'
FROM orders AS due
WHERE due.created_at < $2 AND due.created_at >= $3 AND due.livemode = $1 AND due.status IN ('pending', 'expired')
    AND due.attention = '{}' AND due.customer_email <> '' AND due.paid_at IS NULL AND due.amount_total > 0
    AND NOT EXISTS (
        SELECT FROM orders AS other
        WHERE lower(other.customer_email) = lower(due.customer_email) AND other.id <> due.id AND other.livemode = $1
            AND (other.status = 'processing' OR other.created_at > due.created_at OR other.paid_at > due.created_at - interval '1 day'))
    AND NOT EXISTS (
        SELECT FROM orders AS other JOIN outbox ON outbox.order_id = other.id
        WHERE lower(other.customer_email) = lower(due.customer_email) AND outbox.kind = 'order.reminder'
            AND outbox.created_at > now() - interval '30 days')
ORDER BY due.created_at LIMIT $4
ON CONFLICT DO NOTHING
RETURNING order_id;

-- name: read_recovered
-- $1 livemode. Of the reminders of the last 90 days.
SELECT orders.currency, count(*) AS orders, sum(orders.amount_total)::bigint AS amount
FROM outbox JOIN orders ON orders.id = outbox.order_id
WHERE outbox.kind = 'order.reminder' AND outbox.channel = 'mail' AND outbox.status = 'sent'
    AND outbox.created_at > now() - interval '90 days' AND orders.paid_at > outbox.sent_at AND orders.livemode = $1
GROUP BY orders.currency ORDER BY orders.currency;
