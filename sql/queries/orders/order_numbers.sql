-- Find orders by anything that an operator may have: number, id, email, an id of Stripe's.

-- name: newest_numbers
-- $1 and $2 first and last number of each range, $3 limit: the newest of each range, then of all.
SELECT found.number, found.status
FROM unnest($1::bigint[], $2::bigint[]) AS wanted (low, high)
CROSS JOIN LATERAL (
    SELECT number, status FROM orders WHERE number BETWEEN low AND high ORDER BY number DESC LIMIT $3
) AS found
ORDER BY number DESC LIMIT $3;

-- name: attention_of
-- $1 number of an order
SELECT attention FROM orders WHERE number = $1;

-- name: newest_events
-- $1 the beginning of ids, $2 limit: of the newest events only
SELECT id, type, status
FROM (SELECT id, type, status, received_at FROM stripe_events ORDER BY received_at DESC, id DESC LIMIT 1000) AS newest
WHERE starts_with(id, $1) ORDER BY received_at DESC, id DESC LIMIT $2;

-- name: error_fingerprints
-- $1 the beginning of fingerprints (as in list_unapplied_events), $2 limit
SELECT fingerprint, error
FROM (
    SELECT left(encode(sha256(convert_to(last_error, 'UTF8')), 'hex'), 8) AS fingerprint, last_error AS error, max(received_at) AS last_at
    FROM stripe_events WHERE status IN ('failed', 'dead') AND last_error IS NOT NULL GROUP BY last_error
) AS errors
WHERE starts_with(fingerprint, $1) ORDER BY last_at DESC LIMIT $2;
