-- What lists of orders show besides the orders. $1 order ids, in each statement.

-- name: read_last_events
-- The last event of each order that has one.
SELECT wanted.id AS order_id, last.type, last.received_at
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT type, received_at FROM stripe_events WHERE order_id = wanted.id ORDER BY received_at DESC LIMIT 1
) AS last;

-- name: read_row_items
SELECT order_id, array_agg(sku ORDER BY position) AS skus, array_agg(quantity ORDER BY position) AS quantities
FROM order_items WHERE order_id = ANY($1::uuid[]) GROUP BY order_id;

-- name: read_owners
SELECT order_id, owner FROM order_care WHERE order_id = ANY($1::uuid[]) AND owner IS NOT NULL;

-- name: read_deadlines
-- Until when the next dispute of each order that has an unanswered one must be answered. There are few of these, so they come first.
WITH unanswered AS MATERIALIZED (
    SELECT payment_id, due_by, livemode FROM disputes
    WHERE due_by IS NOT NULL AND status IN ('warning_needs_response', 'needs_response', 'appeal_needs_response')
)
SELECT orders.id AS order_id, min(due_by) AS due_by
FROM unanswered JOIN payments ON payments.id = unanswered.payment_id
JOIN orders ON orders.id = payments.order_id AND orders.livemode = unanswered.livemode
WHERE payments.order_id = ANY($1::uuid[]) GROUP BY orders.id;
