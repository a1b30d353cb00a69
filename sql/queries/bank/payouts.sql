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

-- name: list_lines
-- $1 livemode, $2 and $3 made since and before, $4 and $5 a lower bound (exclusive) of created_at and id, $6 limit. The oldest first.
SELECT b.*, o.order_id, o.number
FROM balance_transactions AS b
LEFT JOIN LATERAL (
    SELECT orders.id AS order_id, orders.number FROM payments JOIN orders ON orders.id = payments.order_id
    WHERE payments.id = b.payment_id OFFSET 0
) AS o ON true
WHERE b.livemode = $1 AND b.created_at >= $2 AND b.created_at < $3 AND (b.created_at, b.id) > ($4, $5)
ORDER BY b.created_at, b.id LIMIT $6;

-- name: list_lines_of_order
-- $1 order. The oldest first.
SELECT b.*, orders.id AS order_id, orders.number
FROM orders JOIN payments ON payments.order_id = orders.id JOIN balance_transactions AS b ON b.payment_id = payments.id
WHERE orders.id = $1 ORDER BY b.created_at, b.id;

-- name: list_lines_of_source
-- $1 a dispute, refund or charge. The oldest first. Its payment is found by the dispute or refund that we hold, as the source has no index.
SELECT b.*, o.order_id, o.number
FROM (SELECT payment_id FROM disputes WHERE id = $1 UNION SELECT payment_id FROM refunds WHERE id = $1
      UNION SELECT target_id FROM links WHERE source_id = $1 UNION SELECT $1) AS p (payment_id)
CROSS JOIN LATERAL (SELECT * FROM balance_transactions WHERE payment_id = p.payment_id OFFSET 0) AS b
LEFT JOIN LATERAL (
    SELECT orders.id AS order_id, orders.number FROM payments JOIN orders ON orders.id = payments.order_id
    WHERE payments.id = b.payment_id OFFSET 0
) AS o ON true
WHERE b.source_id = $1
ORDER BY b.created_at, b.id;

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

-- name: currencies_of_lines
-- $1 livemode, $2 and $3 made since and before. The currencies, and when the first line of each was made.
SELECT currency, min(created_at) AS first_at FROM balance_transactions
WHERE livemode = $1 AND created_at >= $2 AND created_at < $3 GROUP BY currency ORDER BY currency;
