-- How many deliveries each webhook secret signed.

-- name: count_secret_matches
-- $1 fingerprints, $2 deliveries since the last count, $3 time of the last one, which counts as now if the daemon's clock is ahead
INSERT INTO secret_matches (fingerprint, hour, matches, last_at)
SELECT fingerprint, date_trunc('hour', least(last_at, now()), 'UTC'), matches, least(last_at, now())
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS counted (fingerprint, matches, last_at)
ORDER BY fingerprint
ON CONFLICT (fingerprint, hour) DO UPDATE SET
    matches = secret_matches.matches + excluded.matches, last_at = greatest(secret_matches.last_at, excluded.last_at);

-- name: read_secret_matches
-- $1 since. Every secret that ever matched, with the number of deliveries it signed since. The table has a few hundred rows at most.
-- What a wrong clock has put into the future is left out.
SELECT fingerprint, coalesce(sum(matches) FILTER (WHERE last_at >= $1), 0)::bigint AS matches, max(last_at) AS last_at
FROM secret_matches WHERE last_at < now() + interval '5 minutes'
GROUP BY fingerprint ORDER BY max(last_at) DESC, fingerprint;

-- name: forget_secret_matches
-- $1 before. Delete older hours, except the last one of each secret, and those in the future.
DELETE FROM secret_matches AS old
WHERE last_at > now() + interval '5 minutes' OR last_at < $1 AND EXISTS (
    SELECT FROM secret_matches AS newer WHERE newer.fingerprint = old.fingerprint AND newer.hour > old.hour
);
