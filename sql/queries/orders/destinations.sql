-- Finds events by an id that only their payloads have.

-- name: find_event_naming
-- $1 id, $2 how many of the newest events to search.
SELECT newest.id
FROM (SELECT id, received_at FROM stripe_events ORDER BY received_at DESC, id DESC LIMIT $2) AS newest
JOIN stripe_event_payloads AS payload ON payload.event_id = newest.id AND payload.received_at = newest.received_at
WHERE strpos(payload.payload, '"' || $1 || '"') > 0
ORDER BY newest.received_at, newest.id LIMIT 1;
