-- oldest code: 1

-- Searches find phone numbers and discount codes as well, and lists of one amount, SKU or discount code read an index.
CREATE OR REPLACE FUNCTION keep_order_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_texts (order_id, text)
    VALUES (NEW.id, search_form(concat_ws(E'\n', NEW.customer_name, NEW.customer_email, NEW.customer_phone, NEW.discount_code)))
    ON CONFLICT (order_id) DO UPDATE SET text = excluded.text;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER orders_text_kept AFTER INSERT OR UPDATE OF customer_name, customer_email, customer_phone ON orders
    FOR EACH ROW EXECUTE FUNCTION keep_order_text();

-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_by_amount ON orders (amount_total, created_at DESC, number DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_by_discount ON orders (discount_code, created_at DESC, number DESC)
    WHERE discount_code IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS order_items_by_sku ON order_items (lower(sku) text_pattern_ops, order_id);

-- backfill
-- In the order of their numbers. Only a text that is still the name and email of its order is made anew, so that what is erased or
-- corrected meanwhile stays so.
WITH cleaned AS (
    SELECT gin_clean_pending_list('order_texts_search'::regclass) AS pages
), batch AS (
    SELECT id, number, customer_name, customer_email, customer_phone, discount_code
    FROM orders WHERE number > coalesce(nullif($1, '')::bigint, 0) ORDER BY number LIMIT $2::integer
), written AS (
    UPDATE order_texts
    SET text = search_form(concat_ws(E'\n', customer_name, customer_email, customer_phone, discount_code))
    FROM batch
    WHERE order_id = batch.id AND text = search_form(customer_name || E'\n' || customer_email)
)
SELECT max(number)::text FROM batch WHERE (SELECT pages IS NOT NULL FROM cleaned);
