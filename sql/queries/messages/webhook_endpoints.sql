-- The shop's systems that receive webhooks.

-- name: insert_endpoint
-- $1 name, $2 url, $3 kinds of messages, $4 secret, $5 who adds it. Returns nothing if the name is taken.
INSERT INTO webhook_endpoints (name, url, events, secret, created_by) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING
RETURNING *;

-- name: list_endpoints
SELECT endpoint.*,
       (SELECT count(*) FROM outbox WHERE channel = 'webhook' AND status IN ('queued', 'failed') AND outbox.endpoint = name) AS waiting
FROM webhook_endpoints AS endpoint ORDER BY name;

-- name: read_endpoint
-- $1 name
SELECT * FROM webhook_endpoints WHERE name = $1;

-- name: remove_endpoint
-- $1 name
DELETE FROM webhook_endpoints WHERE name = $1 RETURNING name;

-- name: disable_endpoint
-- $1 name, $2 why. Returns nothing if it is disabled already.
UPDATE webhook_endpoints SET disabled_at = now(), disabled_why = $2 WHERE name = $1 AND disabled_at IS NULL RETURNING *;

-- name: enable_endpoint
-- $1 name
UPDATE webhook_endpoints SET disabled_at = NULL, disabled_why = NULL, failing_since = NULL WHERE name = $1 RETURNING *;

-- name: rotate_endpoint_secret
-- $1 name, $2 the new secret, $3 how long the one before signs as well
UPDATE webhook_endpoints SET secret = $2, old_secret = secret, old_secret_until = now() + $3::interval WHERE name = $1 RETURNING *;

-- name: skip_messages_of_endpoint
-- $1 name, $2 why. What is under way is recorded no more.
UPDATE outbox SET status = 'skipped', last_error = $2, claim = NULL
WHERE channel = 'webhook' AND status IN ('queued', 'failed') AND endpoint = $1;

-- name: skip_messages_of_removed
-- What waits for endpoints that are gone, even if there is another of the name by now. A person may have queued it again.
UPDATE outbox SET status = 'skipped', last_error = 'the endpoint ' || endpoint || ' was removed', claim = NULL
WHERE channel = 'webhook' AND status IN ('queued', 'failed') AND endpoint IS NOT NULL AND NOT EXISTS (
    SELECT FROM webhook_endpoints WHERE name = endpoint AND webhook_endpoints.created_at <= outbox.created_at);

-- name: skip_messages_of_disabled
-- What waits for endpoints that are disabled: it was owed in the same moment, or a person has queued it again. Their rows are locked, so
-- that this waits for a transaction that enables one.
WITH disabled AS (
    SELECT name FROM webhook_endpoints WHERE disabled_at IS NOT NULL ORDER BY name FOR NO KEY UPDATE
)
UPDATE outbox SET status = 'skipped', last_error = 'the endpoint ' || endpoint || ' is disabled', claim = NULL
FROM disabled WHERE channel = 'webhook' AND status IN ('queued', 'failed') AND endpoint = disabled.name;

-- name: close_dead_messages
-- $1 name, $2 why
UPDATE outbox SET status = 'skipped', last_error = $2, claim = NULL WHERE channel = 'webhook' AND status = 'dead' AND endpoint = $1;

-- name: owe_messages_of_endpoint
-- $1 name. Queue what was skipped because the endpoint was disabled, and what is dead.
UPDATE outbox SET status = 'queued', attempts = 0, next_attempt_at = now(), last_error = NULL, claim = NULL
WHERE channel = 'webhook' AND (status = 'dead' OR status = 'skipped' AND last_error LIKE 'the endpoint % is disabled') AND endpoint = $1
    AND created_at >= (SELECT added.created_at FROM webhook_endpoints AS added WHERE name = $1);

-- name: note_success
-- $1 name. Written only if there is something to write, at most once a minute.
UPDATE webhook_endpoints SET failing_since = NULL, succeeded_at = now()
WHERE name = $1 AND (failing_since IS NOT NULL OR succeeded_at IS NULL OR succeeded_at < now() - interval '1 minute');

-- name: note_failure
-- $1 name. Returns since when every message has failed.
UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, now()) WHERE name = $1
RETURNING now() - failing_since AS failing, disabled_at IS NOT NULL AS disabled;
