-- oldest code: 1

-- Lists read little more than their page, whichever filters are combined: each index ends with the time that the list is sorted by.
-- The share of texts with a trigram is found by the name of the table, because the search's index has a new one.
CREATE OR REPLACE FUNCTION trigram_shares(text text) RETURNS TABLE (trigram text, share real)
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT DISTINCT wanted, coalesce(known.share, 0)
    FROM unnest(trigrams(text)) AS wanted
    LEFT JOIN (
        SELECT common.* FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common (element, share)
        WHERE tablename LIKE 'order_texts_%' AND attname = 'trigrams' AND schemaname = current_schema()
    ) AS known ON element = wanted
$$;

-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_flagged ON orders (status, created_at DESC, number DESC) WHERE attention <> '{}';
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_by_email_and_status ON orders (lower(customer_email), status, created_at, number)
    WHERE status NOT IN ('pending', 'completed');
CREATE INDEX CONCURRENTLY IF NOT EXISTS checkout_sessions_expired ON checkout_sessions (expires_at) WHERE status = 'expired';
CREATE INDEX CONCURRENTLY IF NOT EXISTS order_changes_by_operators ON order_changes (cause) WHERE actor LIKE '%@%';
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_of_channel ON outbox (channel, status, created_at DESC, id DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_of_kind ON outbox (kind, channel, status, created_at DESC, id DESC)
    WHERE kind <> 'order.completed';
CREATE INDEX CONCURRENTLY IF NOT EXISTS stripe_events_of_type ON stripe_events (type, status, received_at, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS order_texts_search ON order_texts USING gin (trigrams(text), (ARRAY[left(order_id::text, 2)]))
    WITH (gin_pending_list_limit = 512);
ANALYZE order_texts;
DROP INDEX CONCURRENTLY IF EXISTS orders_with_attention;
DROP INDEX CONCURRENTLY IF EXISTS outbox_newest;
DROP INDEX CONCURRENTLY IF EXISTS outbox_unhappy;
DROP INDEX CONCURRENTLY IF EXISTS stripe_events_by_type;
DROP INDEX CONCURRENTLY IF EXISTS order_texts_trigrams;
