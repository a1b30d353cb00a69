-- What `checkout db restore` does before and after the tables are restored, in the same transaction.

-- name: our_schema
-- The schema that has our tables.
SELECT nspname FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid WHERE pg_class.oid = 'schema_migrations'::regclass;

-- name: record_backup
INSERT INTO cursors (name) VALUES ('backup') ON CONFLICT (name) DO UPDATE SET updated_at = now();

-- name: last_backup
SELECT updated_at FROM cursors WHERE name = 'backup';

-- name: bound_lock_waits
-- A daemon that still runs would block the restore for ever.
SET lock_timeout = '15s';

-- name: keep_grants
-- The restore leaves out privileges: what they are here is granted again at its end.
CREATE TEMPORARY TABLE kept_grants ON COMMIT DROP AS
SELECT ours.relname, format('GRANT %s ON %s %I.%I TO %s', given.privilege_type, CASE ours.relkind WHEN 'S' THEN 'SEQUENCE' ELSE '' END,
                            namespace.nspname, ours.relname, CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(rolname) END) AS statement,
       namespace.nspname
FROM pg_class AS known
    JOIN pg_namespace AS namespace ON namespace.oid = known.relnamespace
    JOIN pg_class AS ours ON ours.relnamespace = known.relnamespace AND ours.relowner = known.relowner
    CROSS JOIN LATERAL aclexplode(ours.relacl) AS given
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

-- name: open_order_rows
-- The restore leaves out privileges, and who may read orders must be able to read the view. An older backup has no view.
DO $$ BEGIN
    IF to_regclass('order_rows') IS NOT NULL THEN
        GRANT SELECT ON order_rows TO PUBLIC;
    END IF;
END $$;

-- name: renew_grants
DO $$
DECLARE
    kept record;
BEGIN
    FOR kept IN SELECT * FROM kept_grants WHERE to_regclass(format('%I.%I', nspname, relname)) IS NOT NULL LOOP
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
