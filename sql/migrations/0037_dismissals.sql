-- oldest code: 1

-- An operator can dismiss a dead event or message, with a note in the audit log. Every row fits the new constraints, which are therefore
-- checked later, without a lock that anybody waits for.
ALTER TABLE stripe_events DROP CONSTRAINT IF EXISTS stripe_events_status_known;
ALTER TABLE stripe_events ADD CONSTRAINT stripe_events_status_known
    CHECK (status IN ('applied', 'ignored', 'failed', 'dead', 'dismissed')) NOT VALID;
ALTER TABLE outbox DROP CONSTRAINT IF EXISTS outbox_status_known;
ALTER TABLE outbox ADD CONSTRAINT outbox_status_known
    CHECK (status IN ('queued', 'sent', 'failed', 'dead', 'skipped', 'dismissed')) NOT VALID;

-- What operators do that is about no order has a chain of its own in the audit log, under the nil UUID. A trigger keeps orders with
-- audit entries instead of the foreign keys.
ALTER TABLE operator_log DROP CONSTRAINT IF EXISTS operator_log_order_id_fkey;
ALTER TABLE operator_log_heads DROP CONSTRAINT IF EXISTS operator_log_heads_order_id_fkey;
CREATE OR REPLACE FUNCTION keep_logged_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM operator_log_heads WHERE order_id = OLD.id) THEN
        RAISE EXCEPTION 'order % has audit entries and cannot be deleted', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE OR REPLACE TRIGGER orders_logged_kept BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep_logged_orders();

-- concurrently
ALTER TABLE stripe_events VALIDATE CONSTRAINT stripe_events_status_known;
ALTER TABLE outbox VALIDATE CONSTRAINT outbox_status_known;
