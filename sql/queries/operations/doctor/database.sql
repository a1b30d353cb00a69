-- What `checkout doctor` counts.

-- name: count_late_effects
-- Orders with an object that appeared at Stripe after its request was given up.
SELECT count(*) FROM orders WHERE attention <> '{}' AND 'appeared_late' = ANY(attention);

-- name: count_loose_rows
-- $1 how many rows of each kind to look at. The newest changes, events, messages and open sessions that name an order that does not
-- exist: no foreign key keeps them from it.
SELECT count(*) FROM (
    (SELECT order_id FROM order_changes ORDER BY seq DESC LIMIT $1)
    UNION ALL
    (SELECT order_id FROM stripe_events ORDER BY received_at DESC, id DESC LIMIT $1)
    UNION ALL
    (SELECT page.order_id
     FROM (VALUES ('mail'), ('alert'), ('webhook')) AS wanted (channel)
     CROSS JOIN (VALUES ('queued'), ('sent'), ('failed'), ('dead'), ('skipped'), ('dismissed')) AS outcome (status)
     CROSS JOIN LATERAL (
         SELECT order_id FROM outbox WHERE channel = wanted.channel AND outbox.status = outcome.status
         ORDER BY created_at DESC, id DESC LIMIT $1
     ) AS page)
    UNION ALL
    (SELECT order_id FROM checkout_sessions WHERE status = 'open' ORDER BY expires_at DESC LIMIT $1)
) AS newest
WHERE order_id IS NOT NULL AND NOT EXISTS (SELECT FROM orders WHERE id = newest.order_id);
