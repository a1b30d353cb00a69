-- Find orders by anything that an operator may have: number, id, email, an id of Stripe's.

-- name: newest_numbers
-- $1 and $2 first and last number of each range, $3 limit: the newest of each range, then of all.
SELECT found.number, found.status
FROM unnest($1::bigint[], $2::bigint[]) AS wanted (low, high)
CROSS JOIN LATERAL (
    SELECT number, status FROM orders WHERE number BETWEEN low AND high ORDER BY number DESC LIMIT $3
) AS found
ORDER BY number DESC LIMIT $3;
