-- What the books contain.

-- name: currencies_of_lines
-- $1 livemode, $2 and $3 made since and before. The currencies, and when the first line of each was made.
SELECT currency, min(created_at) AS first_at FROM balance_transactions
WHERE livemode = $1 AND created_at >= $2 AND created_at < $3 GROUP BY currency ORDER BY currency;

-- name: balance_before
-- $1 livemode, $2 made before. What all lines until then add up to, by currency, payouts included; only what is not zero.
SELECT currency, sum(net)::bigint AS held FROM balance_transactions
WHERE livemode = $1 AND created_at < $2 GROUP BY currency HAVING sum(net) <> 0 ORDER BY currency;
