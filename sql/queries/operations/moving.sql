-- The shop's tables move to another schema.

-- name: is_free_schema
-- $1 schema, $2 our relations. Whether no relation of the schema has a name of ours.
SELECT NOT EXISTS (
    SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = $1::text AND (relname = ANY ($2::text[]) OR relname ~ '^stripe_event_payloads_'));

-- name: moving_statements
-- $1 the schema that has our tables, $2 the new one, $3 our relations, $4 our functions. Sequences, indexes and triggers follow their
-- tables, and rights stay with what they are on; whoever has some needs the right to use the new schema.
SELECT statement FROM (
    SELECT 1 AS place, format('ALTER %s %I.%I SET SCHEMA %I', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, $1::text, relname, $2::text) AS statement
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = $1::text AND relkind IN ('r', 'p', 'v') AND (relname = ANY ($3::text[]) OR relname ~ '^stripe_event_payloads_')
    UNION ALL
    SELECT 2, format('ALTER FUNCTION %I.%I(%s) SET SCHEMA %I', $1::text, proname, pg_get_function_identity_arguments(pg_proc.oid), $2::text)
    FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE nspname = $1::text AND proname = ANY ($4::text[])
    UNION ALL
    SELECT 3, format('ALTER FUNCTION %I.%I(%s) SET search_path = %I, pg_temp', $2::text, proname,
                     pg_get_function_identity_arguments(pg_proc.oid), $2::text)
    FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE nspname = $1::text AND proname = ANY ($4::text[])
        AND EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=%')
    UNION
    SELECT 4, format('GRANT USAGE ON SCHEMA %I TO %s', $2::text, CASE held.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(rolname) END)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    CROSS JOIN LATERAL aclexplode(relacl) AS held
    LEFT JOIN pg_roles ON pg_roles.oid = held.grantee
    WHERE nspname = $1::text AND relname = ANY ($3::text[]) AND held.grantee <> relowner AND (held.grantee = 0 OR rolname IS NOT NULL)
) AS found
ORDER BY place, statement;
