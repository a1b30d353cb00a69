-- oldest code: 1

-- When an order's customer was forgotten, and when its coupon at Stripe was deleted.
ALTER TABLE orders ADD COLUMN erased_at timestamptz, ADD COLUMN coupon_deleted_at timestamptz;

-- Drops the oldest partition of payloads that were all received before a time; its name, or null if there is none.
CREATE FUNCTION drop_payload_partition(keep_from timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    partition_name text;
BEGIN
    SELECT relname INTO partition_name
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'stripe_event_payloads'::regclass AND relname ~ '^stripe_event_payloads_w\d{8}$'
        AND (to_date(right(relname, 8), 'YYYYMMDD') + 7)::timestamp AT TIME ZONE 'UTC' <= keep_from
    ORDER BY relname LIMIT 1;
    IF partition_name IS NOT NULL THEN
        EXECUTE format('DROP TABLE %I', partition_name);
    END IF;
    RETURN partition_name;
END $$;

-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_to_forget ON orders (created_at)
    WHERE erased_at IS NULL AND paid_at IS NULL AND status IN ('pending', 'failed', 'expired', 'canceled');
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_with_coupon ON orders (updated_at) WHERE amount_discount > 0 AND coupon_deleted_at IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS stripe_events_unowned ON stripe_events (received_at) WHERE order_id IS NULL;
