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

INSERT INTO order_texts (order_id, text) SELECT id, lower(customer_name || E'\n' || customer_email) FROM orders;
