-- What the books contain.

-- name: currencies_of_lines
-- $1 livemode, $2 and $3 made since and before. The currencies, and when the first line of each was made.
SELECT currency, min(created_at) AS first_at FROM balance_transactions
WHERE livemode = $1 AND created_at >= $2 AND created_at < $3 GROUP BY currency ORDER BY currency;
