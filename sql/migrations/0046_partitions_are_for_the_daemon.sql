-- oldest code: 1

-- An operator could drop partitions, because they may delete the payloads of an order that is erased.

-- The two functions that follow run as the owner of the tables, so that a daemon needs no right to create tables. Who may delete
-- matches of secrets may use them: a daemon may, an operator not, although erasing an order deletes its payloads.

-- Create the missing partitions of this week and the next weeks. A week that has rows in the default partition already stays there:
-- nothing is lost, but retention is slower.
CREATE OR REPLACE FUNCTION ensure_payload_partitions(today date, weeks_ahead integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    monday date;
    partition_name text;
BEGIN
    IF NOT has_table_privilege(session_user, 'secret_matches', 'DELETE') THEN
        RAISE EXCEPTION 'permission denied: partitions of payloads are for the daemon' USING ERRCODE = 'insufficient_privilege';
    END IF;
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

-- Drop the oldest partition whose payloads were all received before a time, and return its name, or null if no partition is that old.
-- Payloads of failed and dead events move to the default partition, because they are needed to apply the events.
CREATE OR REPLACE FUNCTION drop_payload_partition(keep_from timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    partition_name text;
BEGIN
    IF NOT has_table_privilege(session_user, 'secret_matches', 'DELETE') THEN
        RAISE EXCEPTION 'permission denied: partitions of payloads are for the daemon' USING ERRCODE = 'insufficient_privilege';
    END IF;
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

-- Neither a temporary table nor a table of another schema may take the place of ours.
DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['ensure_payload_partitions(date, integer)', 'drop_payload_partition(timestamptz)'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', ours, current_schema());
    END LOOP;
END $$;
