-- Whether a daemon is at work, and whether Stripe answers it.

-- name: read_pulse
-- $1 the daemon's note, $2 the note about Stripe. Always one row.
SELECT now() AS now,
    (SELECT extract(epoch FROM now() - updated_at)::float8 FROM cursors WHERE name = $1 AND value IS NOT NULL) AS daemon_seconds,
    (SELECT value FROM cursors WHERE name = $2) AS asked;
