-- Progress of long tasks, each with a lease.

-- name: claim_cursor
-- $1 name, $2 holder, $3 length of the lease. Returns a row if the lease is now ours: nobody held it, or it had expired.
INSERT INTO cursors (name, holder, leased_until) VALUES ($1, $2, now() + $3::interval)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
WHERE cursors.leased_until IS NULL OR cursors.leased_until < now() OR cursors.holder = excluded.holder
RETURNING value;

-- name: save_cursor
-- $1 name, $2 holder, $3 progress, $4 length of the lease, which is renewed. Returns no row if another process holds it.
UPDATE cursors SET value = $3, leased_until = now() + $4::interval, updated_at = now()
WHERE name = $1 AND holder = $2 RETURNING name;

-- name: note_progress
-- The same, but the time of the progress stays that of the one before.
UPDATE cursors SET value = $3, leased_until = now() + $4::interval WHERE name = $1 AND holder = $2 RETURNING name;

-- name: renew_lease
-- $1 name, $2 holder, $3 length of the lease. Returns no row if another process holds it.
UPDATE cursors SET leased_until = now() + $3::interval WHERE name = $1 AND holder = $2 RETURNING name;

-- name: release_cursor
UPDATE cursors SET holder = NULL, leased_until = NULL WHERE name = $1 AND holder = $2;

-- name: read_cursor
SELECT value, updated_at FROM cursors WHERE name = $1 AND value IS NOT NULL;
