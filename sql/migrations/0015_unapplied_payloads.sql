-- oldest code: 1

-- Drops the oldest partition of payloads that were all received before a time; its name, or null if there is none. Payloads of
-- events that are not applied move to the default partition: without them they could not be any more.
CREATE OR REPLACE FUNCTION drop_payload_partition(keep_from timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    partition_name text;
BEGIN
    SELECT relname INTO partition_name
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'stripe_event_payloads'::regclass AND relname ~ '^stripe_event_payloads_w\d{8}$'
        AND (to_date(right(relname, 8), 'YYYYMMDD') + 7)::timestamp AT TIME ZONE 'UTC' <= keep_from
    ORDER BY relname LIMIT 1;
    IF partition_name IS NOT NULL THEN
        EXECUTE format('ALTER TABLE stripe_event_payloads DETACH PARTITION %I', partition_name);
        EXECUTE format(
            'INSERT INTO stripe_event_payloads_default SELECT held.* FROM %I AS held JOIN stripe_events AS event '
            'ON event.id = held.event_id WHERE event.status IN (''failed'', ''dead'')', partition_name);
        EXECUTE format('DROP TABLE %I', partition_name);
    END IF;
    RETURN partition_name;
END $$;
