-- $1 how many. Id, session, total, number and shop of the orders that wait to be paid, oldest first.
SELECT id::text, stripe_session_id, total_cents, id AS number, '00000000-0000-4000-8000-000000000000' FROM orders
WHERE status = 'pending' AND stripe_session_id IS NOT NULL ORDER BY orders.id LIMIT $1
