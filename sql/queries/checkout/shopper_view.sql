-- name: count_declines
-- $1 email, or $2 an order whose email counts, $3 orders of one IP address, $4 since.
-- The latest hundred orders of an email are enough.
WITH emails AS (
    SELECT lower($1::text) AS email
    UNION
    SELECT lower(o.customer_email) FROM orders o WHERE o.id = $2::uuid
), theirs AS (
    SELECT o.id
    FROM emails e JOIN orders o ON lower(o.customer_email) = e.email
    WHERE e.email <> ''
    ORDER BY o.created_at DESC LIMIT 100
)
SELECT
    (SELECT count(*) FROM stripe_events e
     WHERE e.order_id IN (SELECT id FROM theirs)
       AND e.type = 'payment_intent.payment_failed' AND e.received_at >= $4) AS of_email,
    (SELECT count(*) FROM stripe_events e
     WHERE e.order_id = ANY($3::uuid[])
       AND e.type = 'payment_intent.payment_failed' AND e.received_at >= $4) AS of_orders;
