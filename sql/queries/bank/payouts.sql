-- Payouts and their lines. The payout's own line, which takes the money from the balance, is not among them.

-- name: list_payouts
-- $1 livemode, $2 statuses or null, $3 made since, $4 and $5 an upper bound (exclusive) of created_at and id, $6 limit,
-- $7 an order with money in them, or null. Newest first.
SELECT p.id, p.livemode, p.amount, p.currency, p.status, p.automatic, p.reconciliation, p.failure_code, p.created_at, p.arrives_at,
       p.lines_read_at, l.lines, l.net
FROM payouts AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS lines, coalesce(sum(net), 0)::bigint AS net FROM balance_transactions
    WHERE payout_id = p.id AND source_id IS DISTINCT FROM p.id
) AS l
WHERE p.livemode = $1 AND ($2::text[] IS NULL OR p.status = ANY($2)) AND p.created_at >= $3 AND (p.created_at, p.id) < ($4, $5)
    AND ($7::uuid IS NULL OR p.id IN (
        SELECT b.payout_id FROM payments JOIN balance_transactions AS b ON b.payment_id = payments.id WHERE payments.order_id = $7))
ORDER BY p.created_at DESC, p.id DESC LIMIT $6;

-- name: read_payout
-- $1 id.
SELECT p.id, p.livemode, p.amount, p.currency, p.status, p.automatic, p.reconciliation, p.failure_code, p.created_at, p.arrives_at,
       p.lines_read_at, l.lines, l.net
FROM payouts AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS lines, coalesce(sum(net), 0)::bigint AS net FROM balance_transactions
    WHERE payout_id = p.id AND source_id IS DISTINCT FROM p.id
) AS l
WHERE p.id = $1;

-- name: list_lines_of_payout
-- $1 payout, $2 and $3 a lower bound (exclusive) of created_at and id, $4 limit. The oldest first.
SELECT b.*, o.order_id, o.number
FROM balance_transactions AS b
LEFT JOIN LATERAL (
    SELECT orders.id AS order_id, orders.number FROM payments JOIN orders ON orders.id = payments.order_id
    WHERE payments.id = b.payment_id OFFSET 0
) AS o ON true
WHERE b.payout_id = $1 AND b.source_id IS DISTINCT FROM $1 AND (b.created_at, b.id) > ($2, $3)
ORDER BY b.created_at, b.id LIMIT $4;

-- name: line_ids_of_payout
-- $1 payout.
SELECT id FROM balance_transactions WHERE payout_id = $1 AND source_id IS DISTINCT FROM $1;

-- name: count_payouts
-- $1 livemode, $2 made since. Payouts whose lines were read, and how many of them do not equal the sum of their lines.
SELECT count(*) AS read, count(*) FILTER (WHERE l.net <> p.amount) AS differing
FROM payouts AS p
CROSS JOIN LATERAL (
    SELECT coalesce(sum(net), 0)::bigint AS net FROM balance_transactions WHERE payout_id = p.id AND source_id IS DISTINCT FROM p.id
) AS l
WHERE p.livemode = $1 AND p.created_at >= $2 AND p.lines_read_at IS NOT NULL;
