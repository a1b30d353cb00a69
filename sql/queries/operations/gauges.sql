-- name: oldest_unapplied
-- $1 livemode. How many seconds ago the oldest event of this mode was received that is failed or dead, null without one. Each status is an
-- end of an index.
SELECT extract(epoch FROM now() - least(
    (SELECT min(received_at) FROM stripe_events WHERE status = 'failed' AND livemode IS DISTINCT FROM NOT $1),
    (SELECT min(received_at) FROM stripe_events WHERE status = 'dead' AND livemode IS DISTINCT FROM NOT $1)))::float8;
