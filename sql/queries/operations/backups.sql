-- What `checkout db restore` does before and after the tables are restored, in the same transaction.

-- name: our_schema
-- The schema that has our tables.
SELECT nspname FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid WHERE pg_class.oid = 'schema_migrations'::regclass;

-- name: unreadable_relation
-- $1 our tables and views. A table, partition or number sequence of ours that this user may not read, or null.
SELECT ours.relname
FROM pg_class AS known JOIN pg_class AS ours ON ours.relnamespace = known.relnamespace
    LEFT JOIN pg_depend ON pg_depend.classid = 'pg_class'::regclass AND objid = ours.oid AND deptype = 'i' AND ours.relkind = 'S'
    LEFT JOIN pg_class AS numbered ON numbered.oid = refobjid
WHERE known.oid = 'schema_migrations'::regclass AND ours.relkind IN ('r', 'p', 'S')
    AND (coalesce(numbered.relname, ours.relname) = ANY ($1::text[]) OR ours.relname ~ '^stripe_event_payloads_')
    AND NOT has_table_privilege(ours.oid, 'SELECT')
ORDER BY ours.relname LIMIT 1;

-- name: record_backup
INSERT INTO cursors (name) VALUES ('backup') ON CONFLICT (name) DO UPDATE SET updated_at = now();

-- name: last_backup
SELECT updated_at FROM cursors WHERE name = 'backup';

-- name: bound_lock_waits
-- A daemon that still runs would block the restore for ever.
SET lock_timeout = '15s';

-- name: keep_grants
-- The restore leaves out privileges: what they are here, on tables and on single columns, is granted again at its end.
CREATE TEMPORARY TABLE kept_grants ON COMMIT DROP AS
SELECT namespace.nspname, ours.relname, held.attname,
       format('GRANT %s%s ON %s %I.%I TO %s%s', given.privilege_type, ' (' || quote_ident(held.attname) || ')',
              CASE ours.relkind WHEN 'S' THEN 'SEQUENCE' ELSE '' END, namespace.nspname, ours.relname,
              CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(rolname) END,
              CASE WHEN given.is_grantable THEN ' WITH GRANT OPTION' END) AS statement
FROM pg_class AS known
    JOIN pg_namespace AS namespace ON namespace.oid = known.relnamespace
    JOIN pg_class AS ours ON ours.relnamespace = known.relnamespace AND ours.relowner = known.relowner
    CROSS JOIN LATERAL (
        SELECT NULL::name AS attname, ours.relacl AS acl
        UNION ALL
        SELECT attname, attacl FROM pg_attribute WHERE attrelid = ours.oid AND NOT attisdropped
    ) AS held
    CROSS JOIN LATERAL aclexplode(held.acl) AS given
    LEFT JOIN pg_roles ON pg_roles.oid = given.grantee
WHERE known.oid = to_regclass('schema_migrations') AND given.grantee <> ours.relowner AND ours.relkind IN ('r', 'p', 'v', 'S');

-- name: drop_tables
-- Everything in schema.sql, with the partitions, because tables of a newer schema than the backup's would be in its way. Views
-- (order_rows) are dropped with their tables.
DROP TABLE IF EXISTS
    schema_migrations, schema_backfills, products, discounts, orders, order_keys, order_texts, order_items,
    order_shipping, order_taxes,
    session_attempts, acts, links, checkout_sessions, payments, payment_observations, refunds, disputes, fraud_warnings, refund_hints,
    order_care, payouts, stripe_events, stripe_event_payloads, order_changes, outbox, alerts, operator_log, operator_log_heads, anchors,
    anchored_heads, refund_requests, doubtful_attempts, shop_identity, missing_orders, stripe_accounts,
    api_tokens, balance_transactions, canceled_payments, charges, cursors, secret_matches, webhook_endpoints, batches, batch_items, drifts, item_care,
    stock_reservations, stock_movements, operators, proposals, dispute_drafts, dispute_requests
CASCADE;

-- name: drop_functions
DROP ROUTINE IF EXISTS
    announce_catalog, announce_stock, batch_sums, bound_operator, cells, check_administration, check_batch, check_batch_item,
    check_batch_sum, check_dispute_draft, check_dispute_request, check_log_entry, check_proposal, check_refund_answer, check_refund_request, count_declines,
    delete_observations_of_payment, delete_rows_of_order, drop_payload_partition, ensure_payload_partitions, has_operator_role,
    hide_due_messages, keep_logged_orders, keep_operator_log, keep_order_text, load_charges, load_facts, load_fraud_warnings,
    load_reservations, lock_stock, place_order, proposal_state, rare_trigrams, record_charges, record_facts, record_only_session,
    renew_stock, search_form, trigram_shares, trigrams
CASCADE;

-- name: reset_search_path
-- pg_restore's script empties it.
RESET search_path;

-- name: open_views
-- The restore leaves out privileges, and who may read the tables of a view must be able to read it. An older backup has no views.
DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['order_rows', 'stock_levels'] LOOP
        IF to_regclass(ours) IS NOT NULL THEN
            EXECUTE format('GRANT SELECT ON %I TO PUBLIC', ours);
        END IF;
    END LOOP;
END $$;

-- name: renew_grants
DO $$
DECLARE
    kept record;
BEGIN
    FOR kept IN
        SELECT statement FROM kept_grants CROSS JOIN to_regclass(format('%I.%I', nspname, relname)) AS restored
        WHERE restored IS NOT NULL AND (kept_grants.attname IS NULL OR EXISTS (
            SELECT FROM pg_attribute AS known WHERE attrelid = restored AND known.attname = kept_grants.attname AND NOT attisdropped))
    LOOP
        EXECUTE kept.statement;
    END LOOP;
END $$;

-- name: stop_batches
-- What they did since the backup is not known here: nothing continues them until a person resumes them. An older backup has none.
DO $$ BEGIN
    IF to_regclass('batches') IS NOT NULL THEN
        UPDATE batches SET status = 'stopped', why = 'the database was restored from a backup', holder = NULL, leased_until = NULL
        WHERE status = 'running';
    END IF;
END $$;

-- name: age_changes
-- Transaction ids of another server mean nothing here: make all changes old for their readers.
UPDATE order_changes SET xid = '3'::xid8;
