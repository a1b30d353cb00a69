-- oldest code: 1

-- Return the trigrams of a text with the share of texts that contain each, by the planner's figures: 0 if it is small or not known.
CREATE FUNCTION trigram_shares(text text) RETURNS TABLE (trigram text, share real) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT wanted, coalesce(known.share, 0)
    FROM unnest(trigrams(text)) AS wanted
    LEFT JOIN (
        SELECT common.* FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common (element, share)
        WHERE tablename = 'order_texts_trigrams' AND schemaname = current_schema()
    ) AS known ON element = wanted
$$;

-- Return the few trigrams of a text that the fewest texts contain. An index looks up every trigram that is asked for, and those of
-- `@example.com` are in all texts.
CREATE FUNCTION rare_trigrams(text text) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT array_agg(trigram) FROM (SELECT trigram FROM trigram_shares(text) ORDER BY share LIMIT 4) AS rare
$$;

-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS stripe_events_unapplied ON stripe_events (status, received_at DESC, id DESC)
    WHERE status <> 'applied';
DROP INDEX CONCURRENTLY IF EXISTS stripe_events_unhappy;
