-- Disputes as operators list them.

-- name: list_disputes
-- $1 livemode, $2 statuses or null, $3 stored since, $4 and $5 an upper bound (exclusive) of created_at and id, $6 limit, $7 order or null,
-- $8 whether to list only what waits for evidence. Newest first.
SELECT d.id, d.livemode, o.order_id, o.number, d.payment_id, d.status, d.unknown_words, d.reason, d.amount, d.currency, d.due_by, d.created_at,
       d.withdrawn_at, d.reinstated_at, d.network_reason, d.has_evidence, d.submission_count, d.past_due
FROM disputes AS d
LEFT JOIN LATERAL (
    SELECT orders.id AS order_id, orders.number FROM payments JOIN orders ON orders.id = payments.order_id
    WHERE payments.id = d.payment_id OFFSET 0
) AS o ON true
WHERE d.livemode = $1 AND ($2::text[] IS NULL OR d.status = ANY($2)) AND d.created_at >= $3 AND (d.created_at, d.id) < ($4, $5)
    AND ($7::uuid IS NULL OR o.order_id = $7)
    AND (NOT $8 OR d.status IN ('warning_needs_response', 'needs_response', 'appeal_needs_response'))
ORDER BY d.created_at DESC, d.id DESC LIMIT $6;

-- name: read_dispute
-- $1 id.
SELECT d.id, d.livemode, o.order_id, o.number, d.payment_id, d.status, d.unknown_words, d.reason, d.amount, d.currency, d.due_by, d.created_at,
       d.withdrawn_at, d.reinstated_at, d.network_reason, d.has_evidence, d.submission_count, d.past_due
FROM disputes AS d
LEFT JOIN LATERAL (
    SELECT orders.id AS order_id, orders.number FROM payments JOIN orders ON orders.id = payments.order_id
    WHERE payments.id = d.payment_id OFFSET 0
) AS o ON true
WHERE d.id = $1;
