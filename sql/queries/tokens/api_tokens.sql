-- Bearer tokens of the shop's own systems.

-- name: insert_token
-- $1 id, $2 name, $3 scopes, $4 hash of the secret, $5 who made it, $6 when it expires, or null. Raises a unique violation if a token
-- in use has this name.
INSERT INTO api_tokens (id, name, scopes, secret_hash, created_by, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id, name, scopes, created_by, created_at, expires_at, last_used_at, revoked_at, revoked_by, false AS expired;

-- name: list_tokens
-- $1 whether to list those that were revoked as well. Newest first. `disabled`: find_token refuses it, because its operator is disabled.
SELECT id, name, scopes, created_by, created_at, expires_at, last_used_at, revoked_at, revoked_by,
       coalesce(expires_at <= now(), false) AS expired,
       NOT EXISTS (SELECT FROM operators WHERE token = api_tokens.name AND disabled_at IS NULL)
           AND EXISTS (SELECT FROM operators WHERE token = api_tokens.name AND disabled_at >= api_tokens.created_at) AS disabled
FROM api_tokens WHERE $1 OR revoked_at IS NULL ORDER BY created_at DESC, id;

-- name: revoke_token
-- $1 id or name, $2 who revokes it. Of a name, the token in use.
UPDATE api_tokens SET revoked_at = now(), revoked_by = $2 WHERE (id = $1 OR name = $1) AND revoked_at IS NULL
RETURNING id, name, scopes, created_by, created_at, expires_at, last_used_at, revoked_at, revoked_by,
          coalesce(expires_at <= now(), false) AS expired;

-- name: find_token
-- $1 id. The token in use with its hash; `stale`: its last use should be noted; `operator`: who acts with it, if there are operators.
-- A token whose operator was disabled is not in use. One with the same name that was made afterwards is another one.
SELECT id, name, scopes, secret_hash, last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS stale,
       (SELECT operators.name FROM operators WHERE token = api_tokens.name AND disabled_at IS NULL) AS operator
FROM api_tokens
WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    AND (EXISTS (SELECT FROM operators WHERE token = api_tokens.name AND disabled_at IS NULL)
         OR NOT EXISTS (SELECT FROM operators WHERE token = api_tokens.name AND disabled_at >= api_tokens.created_at));

-- name: note_use_of_token
-- $1 id. Another process may have noted it meanwhile.
UPDATE api_tokens SET last_used_at = now() WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');
