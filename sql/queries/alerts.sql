-- What somebody has been told of. The rows of what is no longer so go, so that it is told again when it comes back.

-- name: raise_alerts
-- $1 kind, $2 subjects: all that there are now; answers those that nobody had been told of
WITH ended AS (
    DELETE FROM alerts WHERE kind = $1 AND subject <> ALL($2::text[])
)
INSERT INTO alerts (kind, subject) SELECT $1, subject FROM unnest($2::text[]) AS subject
ON CONFLICT (kind, subject) DO NOTHING
RETURNING subject;

-- name: raise_dead_events
-- $1 kind
WITH ended AS (
    DELETE FROM alerts
    WHERE kind = $1 AND NOT EXISTS (SELECT FROM stripe_events WHERE id = alerts.subject AND status = 'dead')
)
INSERT INTO alerts (kind, subject)
SELECT $1, id FROM stripe_events
WHERE status IN ('failed', 'dead') AND status = 'dead'
    AND NOT EXISTS (SELECT FROM alerts WHERE kind = $1 AND subject = stripe_events.id)
ON CONFLICT (kind, subject) DO NOTHING
RETURNING subject;

-- name: raise_dead_messages
-- $1 kind, $2 kinds of messages that nobody is told of: an alert about an alert would never end
WITH ended AS (
    DELETE FROM alerts
    WHERE kind = $1 AND NOT EXISTS (SELECT FROM outbox WHERE id = alerts.subject::uuid AND status = 'dead')
)
INSERT INTO alerts (kind, subject)
SELECT $1, id FROM outbox
WHERE status IN ('failed', 'dead') AND status = 'dead' AND kind <> ALL($2::text[])
    AND NOT EXISTS (SELECT FROM alerts WHERE kind = $1 AND subject = outbox.id::text)
ON CONFLICT (kind, subject) DO NOTHING
RETURNING subject;
