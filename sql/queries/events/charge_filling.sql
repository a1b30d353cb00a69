-- Charges of events that an older release applied, which kept none.

-- name: read_upgrade
-- When the table of charges was added to a database that had been in use, else no row.
SELECT added.applied_at FROM schema_migrations AS added
WHERE added.version = 39 AND EXISTS (SELECT FROM schema_migrations AS older WHERE older.version < 39 AND older.applied_at < added.applied_at);

-- name: read_events_to_fill
-- $1 and $2 time of receipt and id of the last event read, $3 limit, $4 types of events about charges. Events in the sequence of their
-- receipt, with the payloads of these types. The newest may still become visible in another sequence.
SELECT event.id, event.received_at, held.payload
FROM (
    SELECT id, type, status, reason, received_at FROM stripe_events
    WHERE (received_at, id) > ($1, $2) AND received_at < now() - interval '1 minute'
    ORDER BY received_at, id LIMIT $3
) AS event
LEFT JOIN LATERAL (
    SELECT payload FROM stripe_event_payloads AS held
    WHERE event.type = ANY($4::text[]) AND (event.status = 'applied' OR event.reason = 'no_order')
        AND held.event_id = event.id AND held.received_at = event.received_at OFFSET 0
) AS held ON true
ORDER BY event.received_at, event.id;
