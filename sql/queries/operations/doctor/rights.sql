-- The rights that the daemon needs.

-- name: missing_rights
-- $1 our tables and views. Each right that the user lacks, such as "UPDATE on orders".
SELECT privilege || ' on ' || relname AS missing
FROM pg_class CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'schema_migrations'::regclass) AND relname = ANY ($1::text[])
    AND (privilege = 'SELECT' OR relkind IN ('r', 'p') AND relname NOT IN ('schema_migrations', 'schema_backfills', 'api_tokens', 'operators'))
    AND (privilege <> 'DELETE' OR relname IN ('order_keys', 'stripe_event_payloads', 'stripe_event_payloads_default',
                                              'doubtful_attempts', 'charges', 'alerts', 'secret_matches', 'drifts', 'webhook_endpoints'))
    AND NOT has_table_privilege(pg_class.oid, privilege)
UNION ALL
SELECT 'UPDATE (last_used_at) on api_tokens' WHERE NOT has_column_privilege('api_tokens', 'last_used_at', 'UPDATE')
UNION ALL
SELECT privilege || ' on orders_number_seq' FROM unnest(ARRAY['SELECT', 'UPDATE']) AS privilege
WHERE NOT has_sequence_privilege('orders_number_seq', privilege)
ORDER BY missing;

-- name: partitions_are_made
-- Whether the function that makes partitions has the rights for it: those of its owner, or ours.
SELECT has_schema_privilege(maker, pronamespace, 'CREATE') AND pg_has_role(maker, tables.relowner, 'MEMBER')
FROM pg_proc CROSS JOIN LATERAL (SELECT CASE WHEN prosecdef THEN proowner ELSE current_user::regrole END AS maker) AS makers
    CROSS JOIN (SELECT relowner FROM pg_class WHERE oid = 'stripe_event_payloads'::regclass) AS tables
WHERE pg_proc.oid = 'ensure_payload_partitions(date, integer)'::regprocedure;
