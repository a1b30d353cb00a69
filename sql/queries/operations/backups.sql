-- What `checkout db restore` does before and after the tables are restored, in the same transaction.

-- name: bound_lock_waits
-- A daemon that still runs would block the restore for ever.
SET lock_timeout = '15s';

-- name: drop_tables
-- Everything in schema.sql, with the partitions, because tables of a newer schema than the backup's would be in its way. Views
-- (order_rows) are dropped with their tables.
DROP TABLE IF EXISTS
    schema_migrations, schema_backfills, products, discounts, orders, order_keys, order_texts, order_items,
    session_attempts, acts, links, checkout_sessions, payments, payment_observations, refunds, disputes, refund_hints,
    stripe_events, stripe_event_payloads, order_changes, outbox, alerts, operator_log, operator_log_heads, anchors,
    anchored_heads, refund_requests, doubtful_attempts, shop_identity, missing_orders, stripe_accounts,
    canceled_payments, cursors, secret_matches
CASCADE;

-- name: drop_functions
DROP ROUTINE IF EXISTS
    announce_catalog, cells, count_declines, delete_observations_of_payment, delete_rows_of_order, drop_payload_partition,
    ensure_payload_partitions, keep_operator_log, keep_order_text, load_facts, place_order, rare_trigrams, record_facts,
    record_only_session, search_form, trigram_shares, trigrams
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

-- name: age_changes
-- Transaction ids of another server mean nothing here: make all changes old for their readers.
UPDATE order_changes SET xid = '3'::xid8;
