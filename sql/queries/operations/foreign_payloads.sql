-- Payloads of what other systems do on the same account.

-- name: drop_foreign_payloads
-- $1 and $2 the time and id of the last event that was looked at, $3 until when, $4 limit. Delete the payloads of events that no order of
-- ours is known to belong to. Those of an order that a restore lost stay, and so do those that another account's name may be ours, until
-- our account is known. Returns how many were deleted and the last event; no row if none is left. Payloads and links are found by their
-- keys, whatever is expected of the number of events.
WITH looked AS MATERIALIZED (
    SELECT id, received_at, subject_id, status, reason FROM stripe_events
    WHERE order_id IS NULL AND (received_at, id) > ($1, $2::text) AND received_at < $3
    ORDER BY received_at, id LIMIT $4
), dropped AS (
    DELETE FROM stripe_event_payloads
    WHERE received_at >= $1 AND received_at < $3 AND event_id = ANY(ARRAY(
        SELECT looked.id FROM looked
        WHERE looked.status = 'ignored' AND (looked.reason <> 'other_account' OR EXISTS (SELECT FROM stripe_accounts))
            AND NOT EXISTS (
                SELECT FROM links JOIN missing_orders ON missing_orders.order_id::text = links.target_id
                WHERE links.source_id = looked.subject_id OFFSET 0)))
    RETURNING event_id
)
SELECT received_at, id, (SELECT count(*) FROM dropped) AS dropped FROM looked ORDER BY received_at DESC, id DESC LIMIT 1;
