-- Problems that the operator was alerted to. A row is deleted when its problem ends, so that a new one is alerted again.

-- name: raise_alerts
-- $1 kind, $2 all subjects that have the problem now. Returns those not alerted yet.
WITH ended AS (
    DELETE FROM alerts WHERE kind = $1 AND subject <> ALL($2::text[])
)
INSERT INTO alerts (kind, subject) SELECT $1, subject FROM unnest($2::text[]) AS subject
ON CONFLICT (kind, subject) DO NOTHING
RETURNING subject;

-- name: raise_dead_events
-- $1 kind, $2 livemode of our key: what is known to be of the other mode alarms nobody
WITH ended AS (
    DELETE FROM alerts
    WHERE kind = $1 AND NOT EXISTS (SELECT FROM stripe_events WHERE id = alerts.subject AND status = 'dead')
)
INSERT INTO alerts (kind, subject)
SELECT $1, id FROM stripe_events
WHERE status IN ('failed', 'dead') AND status = 'dead' AND livemode IS DISTINCT FROM NOT $2::boolean
    AND NOT EXISTS (SELECT FROM alerts WHERE kind = $1 AND subject = stripe_events.id)
ON CONFLICT (kind, subject) DO NOTHING
RETURNING subject;

-- name: raise_dead_messages
-- $1 kind, $2 livemode of our key. Messages without an order are alerts: an alert about a dead alert would never end.
WITH ended AS (
    DELETE FROM alerts
    WHERE kind = $1 AND NOT EXISTS (SELECT FROM outbox WHERE id = alerts.subject::uuid AND status = 'dead')
)
INSERT INTO alerts (kind, subject)
SELECT $1, id FROM outbox
WHERE channel IN ('mail', 'alert', 'webhook') AND status = 'dead' AND order_id IS NOT NULL
    AND (SELECT livemode FROM orders WHERE orders.id = order_id) = $2::boolean
    AND NOT EXISTS (SELECT FROM alerts WHERE kind = $1 AND subject = outbox.id::text)
ON CONFLICT (kind, subject) DO NOTHING
RETURNING subject;
