-- Operators: who they are.

-- name: lock_operators
-- $1 key of the advisory lock, held until the transaction ends, so that two changes at once cannot remove the last admin.
SELECT pg_advisory_xact_lock($1::bigint);

-- name: insert_operator
-- $1 name, $2 role, $3 limits as JSON, $4 system user, $5 token and $6 database role, or null, $7 who adds it. A name that was disabled may
-- come back.
INSERT INTO operators (name, role, limits, os_user, token, database_role, created_by) VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE SET role = excluded.role, limits = excluded.limits, os_user = excluded.os_user,
    token = excluded.token, database_role = excluded.database_role, created_by = excluded.created_by, created_at = now(),
    disabled_at = NULL, disabled_by = NULL
    WHERE operators.disabled_at IS NOT NULL
RETURNING name, role, limits, os_user, token, database_role, created_by, created_at, disabled_at, disabled_by;

-- name: is_token_in_use
-- $1 name
SELECT EXISTS (SELECT FROM api_tokens WHERE name = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()));

-- name: list_operators
-- $1 whether to list those that were disabled as well
SELECT name, role, limits, os_user, token, database_role, created_by, created_at, disabled_at, disabled_by
FROM operators WHERE $1 OR disabled_at IS NULL ORDER BY name;

-- name: change_operator
-- $1 name, $2 role and $3 limits as JSON, each null to keep it
UPDATE operators SET role = coalesce($2, role), limits = coalesce($3::jsonb, limits) WHERE name = $1 AND disabled_at IS NULL
RETURNING name, role, limits, os_user, token, database_role, created_by, created_at, disabled_at, disabled_by;

-- name: disable_operator
-- $1 name, $2 who disables it
UPDATE operators SET disabled_at = now(), disabled_by = $2 WHERE name = $1 AND disabled_at IS NULL
RETURNING name, role, limits, os_user, token, database_role, created_by, created_at, disabled_at, disabled_by;

-- name: others_without_admin
-- $1 name. Whether there are other operators, and none of them is an admin.
SELECT count(*) > 0 AND NOT bool_or(role = 'admin') FROM operators WHERE disabled_at IS NULL AND name <> $1;

-- name: recognize_operator
-- $1 name of a token that was checked, or null, $2 user of the operating system. The login at the database wins: it binds the session.
SELECT name, role, limits, os_user, token, database_role, created_by, created_at, disabled_at, disabled_by
FROM operators
WHERE disabled_at IS NULL AND (database_role = session_user OR token = $1 OR os_user = $2)
ORDER BY database_role IS NOT DISTINCT FROM session_user::text DESC, token IS NOT DISTINCT FROM $1 DESC, name LIMIT 1;

-- name: login_of_operator
-- $1 login, $2 group of rights, $3 password. Whether the login is to be made, and the statements that make it and give it its rights.
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS made,
       format('CREATE ROLE %I LOGIN PASSWORD %L', $1::text, $3::text) AS make, format('GRANT %I TO %I', $2::text, $1::text) AS give;
