-- oldest code: 1

-- A text as searches compare it: without case and accents, so that jose finds José. domain/text.py has the same.
CREATE FUNCTION search_form(text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(text) = length(text) THEN lower(text) ELSE
        replace(replace(replace(replace(
            translate(lower(regexp_replace(normalize(text, NFKD), E'[\u0300-\u036f]', '', 'g')), 'øłđðıħŧς', 'olddihtσ'),
            'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
    END
$$;

CREATE OR REPLACE FUNCTION keep_order_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_texts (order_id, text) VALUES (NEW.id, search_form(NEW.customer_name || E'\n' || NEW.customer_email))
    ON CONFLICT (order_id) DO UPDATE SET text = excluded.text;
    RETURN NULL;
END $$;

-- backfill
-- In the order of their numbers. Each text is made of itself, not of the order: what is erased meanwhile stays erased.
WITH cleaned AS (
    SELECT gin_clean_pending_list('order_texts_trigrams'::regclass) AS pages
), batch AS (
    SELECT id, number FROM orders WHERE number > coalesce(nullif($1, '')::bigint, 0) ORDER BY number LIMIT $2::integer
), written AS (
    UPDATE order_texts SET text = search_form(text) FROM batch WHERE order_id = batch.id AND text <> search_form(text)
)
SELECT max(number)::text FROM batch WHERE (SELECT pages IS NOT NULL FROM cleaned);
