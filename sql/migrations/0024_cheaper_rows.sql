-- oldest code: 1

-- What a webhook writes is placed under an order whose row its transaction has locked, and under a payment that it has written. A
-- foreign key would look for the same rows once more: six times an event, a tenth of PostgreSQL's time (docs/PERFORMANCE.md). The
-- program deletes no order. Who does deletes its rows as before, now by a trigger; `checkout doctor` looks for rows without an order.
ALTER TABLE stripe_events DROP CONSTRAINT IF EXISTS stripe_events_order_id_fkey;
ALTER TABLE order_changes DROP CONSTRAINT IF EXISTS order_changes_order_id_fkey;
ALTER TABLE outbox DROP CONSTRAINT IF EXISTS outbox_order_id_fkey;
ALTER TABLE checkout_sessions DROP CONSTRAINT IF EXISTS checkout_sessions_order_id_fkey;
ALTER TABLE payments DROP CONSTRAINT IF EXISTS payments_order_id_fkey;
ALTER TABLE payment_observations DROP CONSTRAINT IF EXISTS payment_observations_payment_id_fkey;

CREATE FUNCTION delete_rows_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM payments WHERE order_id = OLD.id;
    DELETE FROM checkout_sessions WHERE order_id = OLD.id;
    DELETE FROM order_changes WHERE order_id = OLD.id;
    DELETE FROM outbox WHERE order_id = OLD.id;
    UPDATE stripe_events SET order_id = NULL WHERE order_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER orders_rows_deleted AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION delete_rows_of_order();

CREATE FUNCTION delete_observations_of_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM payment_observations WHERE payment_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_rows_deleted AFTER DELETE ON payments FOR EACH ROW EXECUTE FUNCTION delete_observations_of_payment();

-- A payload of up to 8 KB stays in its row. Moved out, as all above 2 KB were, it took two more rows and index entries. No list reads
-- this table, so nothing gets slower by it.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'stripe_event_payloads'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 8160, autovacuum_vacuum_insert_threshold = -1)', partition);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION ensure_payload_partitions(today date, weeks_ahead integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    monday date;
    partition_name text;
BEGIN
    FOR week IN 0..weeks_ahead LOOP
        monday := date_trunc('week', today)::date + 7 * week;
        partition_name := 'stripe_event_payloads_w' || to_char(monday, 'YYYYMMDD');
        -- Asked first, because CREATE TABLE IF NOT EXISTS locks the parent before it looks.
        IF to_regclass(partition_name) IS NULL THEN
            BEGIN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF stripe_event_payloads FOR VALUES FROM (%L) TO (%L) '
                    'WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_threshold = -1)',
                    partition_name, monday::timestamp AT TIME ZONE 'UTC', (monday + 7)::timestamp AT TIME ZONE 'UTC');
            EXCEPTION WHEN check_violation OR duplicate_table OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END $$;

-- Autovacuum by default waits until a fifth of a table has changed, and analyzes after a tenth: months of orders. With these settings
-- it does the same work in smaller parts, and the planner's figures of the newest rows are at most days old.
ALTER TABLE orders SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE checkout_sessions SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE stripe_events SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE order_changes SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
