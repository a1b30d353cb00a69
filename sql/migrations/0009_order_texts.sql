-- oldest code: 1

-- What a search looks through: names and emails, found by their runs of three characters, without an extension. In a table of its
-- own, because an order's row is written anew with every event, and its texts are not.
CREATE TABLE order_texts (
    order_id uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    text     text NOT NULL
);

CREATE FUNCTION trigrams(text text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(text, place, 3)), '{}') FROM generate_series(1, length(text) - 2) AS place
$$;
CREATE INDEX order_texts_trigrams ON order_texts USING gin (trigrams(text));

CREATE FUNCTION keep_order_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_texts (order_id, text) VALUES (NEW.id, lower(NEW.customer_name || E'\n' || NEW.customer_email))
    ON CONFLICT (order_id) DO UPDATE SET text = excluded.text;
    RETURN NULL;
END $$;
CREATE TRIGGER orders_text_kept AFTER INSERT OR UPDATE OF customer_name, customer_email ON orders
    FOR EACH ROW EXECUTE FUNCTION keep_order_text();

-- backfill
-- In the order of their numbers. What the trigger has written since is newer than what was read here. The index keeps what is new in a list, which
-- whoever fills it up has to sort in: not a shopper.
WITH cleaned AS (
    SELECT gin_clean_pending_list('order_texts_trigrams'::regclass) AS pages
), batch AS (
    SELECT id, number, lower(customer_name || E'\n' || customer_email) AS text
    FROM orders WHERE number > coalesce(nullif($1, '')::bigint, 0) ORDER BY number LIMIT $2::integer
), written AS (
    INSERT INTO order_texts (order_id, text) SELECT id, text FROM batch ON CONFLICT (order_id) DO NOTHING
)
SELECT max(number)::text FROM batch WHERE (SELECT pages IS NOT NULL FROM cleaned);
