-- name: schema_exists
-- Other programs have a table of this name, too.
SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('schema_migrations') AND attname = 'oldest_code');

-- name: encoding
SELECT current_setting('server_encoding');

-- name: schema_state
SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest_code), 0) AS oldest_code FROM schema_migrations;

-- name: lock_migrations
-- $1 key of the advisory lock
SELECT pg_advisory_xact_lock($1::bigint);

-- name: record_migration
-- $1 version, $2 name, $3 oldest code that may still run
INSERT INTO schema_migrations (version, name, oldest_code) VALUES ($1, $2, $3);

-- name: limit_lock_waits
-- $1 milliseconds, until the transaction ends
SELECT set_config('lock_timeout', $1, true);

-- name: lock_against_vacuums
-- Lock our tables in the mode that vacuums take. No statement that reads or writes rows waits for it.
DO $$
DECLARE
    ours regclass;
BEGIN
    FOR ours IN
        SELECT pg_class.oid FROM pg_class JOIN pg_class AS known USING (relnamespace, relowner)
        WHERE known.oid = 'schema_migrations'::regclass AND pg_class.relkind IN ('r', 'p') ORDER BY pg_class.oid
    LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', ours);
    END LOOP;
END $$;

-- name: make_backfills
-- A migration older than this table may need it.
CREATE TABLE IF NOT EXISTS schema_backfills (version integer PRIMARY KEY, position text NOT NULL);

-- name: begin_backfill
-- $1 the migration's version, $2 its first position
INSERT INTO schema_backfills (version, position) VALUES ($1, $2);

-- name: rights_to_extend
-- $1 tables that were just made, $2 all of ours. The statements that give each role that may read the older tables the rights on the new
-- ones that it has on orders. Payloads, tokens and endpoints may be kept from a role; one that may not read some other table was given just
-- what it has. Older tables are left alone. Nobody gets rights on tokens, nobody who only reads on endpoints, which hold secrets,
-- and no daemon changes operators.
SELECT format('GRANT %s ON %I.%I TO %I', string_agg(given.privilege_type, ', '), namespace.nspname, ours.relname, rolname) AS statement
FROM pg_class AS known
    JOIN pg_namespace AS namespace ON namespace.oid = known.relnamespace
    CROSS JOIN LATERAL aclexplode(known.relacl) AS given
    JOIN pg_roles ON pg_roles.oid = given.grantee
    JOIN pg_class AS ours ON ours.relnamespace = known.relnamespace AND ours.relowner = known.relowner
WHERE known.oid = 'orders'::regclass AND given.grantee <> known.relowner AND given.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    AND ours.relkind IN ('r', 'p') AND ours.relname = ANY ($1::text[])
    AND ours.relname <> 'api_tokens'
    AND (ours.relname <> 'webhook_endpoints' OR has_table_privilege(given.grantee, known.oid, 'INSERT'))
    AND (ours.relname <> 'operators' OR given.privilege_type = 'SELECT' OR NOT has_table_privilege(given.grantee, known.oid, 'DELETE'))
    AND NOT EXISTS (
        SELECT FROM aclexplode(ours.relacl) AS theirs
        WHERE theirs.grantee = given.grantee AND theirs.privilege_type = given.privilege_type)
    AND NOT EXISTS (
        SELECT FROM pg_class AS older
        WHERE older.relnamespace = known.relnamespace AND older.relkind IN ('r', 'p')
            AND older.relname = ANY ($2::text[]) AND older.relname <> ALL ($1::text[])
            AND older.relname NOT IN ('stripe_event_payloads', 'api_tokens', 'webhook_endpoints', 'schema_migrations',
                'schema_backfills')
            AND NOT has_table_privilege(given.grantee, older.oid, 'SELECT'))
GROUP BY namespace.nspname, ours.relname, rolname;

-- name: has_schema
-- $1 name
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1);

-- name: current_schema
SELECT current_schema();

-- name: schemas_elsewhere
-- The schemas with tables of this program that the search path does not name.
SELECT nspname AS schema FROM pg_attribute JOIN pg_class AS ours ON ours.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE attname = 'oldest_code' AND ours.relname = 'schema_migrations' AND ours.relkind = 'r' AND NOT nspname = ANY (current_schemas(false))
ORDER BY nspname;
