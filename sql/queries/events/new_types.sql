-- Events of types that an older release did not know.

-- name: ignored_events_of_types
-- $1 types, $2 limit. Those that were ignored because of their type, and whose payloads are still held, in the sequence of their receipt.
SELECT page.id
FROM unnest($1::text[]) AS wanted (type)
CROSS JOIN LATERAL (
    SELECT event.id, event.received_at FROM stripe_events AS event
    WHERE event.type = wanted.type AND event.status = 'ignored' AND event.reason = 'unhandled_type'
        AND EXISTS (
            SELECT FROM stripe_event_payloads AS held WHERE held.event_id = event.id AND held.received_at = event.received_at OFFSET 0)
    ORDER BY event.type, event.status, event.received_at, event.id LIMIT $2
) AS page
ORDER BY page.received_at, page.id LIMIT $2;
