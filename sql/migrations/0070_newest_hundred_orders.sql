-- oldest code: 1

-- A customer who had placed more than a hundred orders with the same lines within an hour could place no other: the orders that were
-- compared already did not count towards the hundred, so an older one did, which find_alike_orders never returns.
CREATE OR REPLACE FUNCTION place_order(
    lock_key bigint, new_id uuid, new_currency text, new_subtotal bigint, new_discount bigint, new_total bigint, new_name text,
    new_email text, new_phone text, new_code text, new_livemode boolean, new_key text, new_hash bytea, new_locale text, skus text[],
    names text[], descriptions text[], unit_amounts bigint[], quantities integer[], amounts bigint[], discounts bigint[],
    new_parameters text, cart_lines text[], known uuid[], check_prices boolean, address_orders uuid[], most_declines integer,
    OUT outcome text, OUT placed_number bigint, OUT placed_parameters text
) LANGUAGE plpgsql AS $$
DECLARE
    is_taken boolean;
    is_stale boolean;
    counted text[];
    short json;
BEGIN
    IF most_declines IS NOT NULL AND count_declines(new_email, address_orders) >= most_declines THEN
        outcome := 'declined';
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(lock_key);
    -- The newest hundred orders, known ones included, are those that find_alike_orders compares: an older one that it never returns must
    -- not prevent this order. OFFSET 0 makes the planner look for each product by its sku.
    SELECT cart_lines IS NOT NULL AND EXISTS (
        SELECT FROM (
            SELECT id FROM orders
            WHERE lower(customer_email) = lower(new_email) AND created_at > now() - interval '1 hour' AND livemode = new_livemode
                AND status NOT IN ('canceled', 'refunded')
            ORDER BY created_at DESC, number DESC LIMIT 100
        ) AS recent
        WHERE recent.id <> ALL (known) AND cart_lines = (
            SELECT array_agg(sku || ' ' || quantity ORDER BY sku COLLATE "C") FROM order_items WHERE order_id = recent.id)
    ) OR new_key IS NOT NULL AND EXISTS (SELECT FROM order_keys WHERE idempotency_key = new_key),
    check_prices AND cardinality(skus) <> (
        SELECT count(*) FROM unnest(skus, names, descriptions, unit_amounts) AS line (sku, name, description, unit_amount)
        CROSS JOIN LATERAL (
            SELECT FROM products AS product
            WHERE product.sku = line.sku AND product.name = line.name AND product.description = line.description
                AND product.unit_amount = line.unit_amount AND product.currency = new_currency AND product.available
            OFFSET 0
        ) AS found)
    INTO is_taken, is_stale;
    outcome := 'taken';
    IF is_taken THEN
        RETURN;
    END IF;
    IF is_stale THEN
        -- A key that has an order leads to it, whatever its products cost now.
        IF NOT EXISTS (SELECT FROM orders WHERE idempotency_key = new_key) THEN
            outcome := 'stale';
        END IF;
        RETURN;
    END IF;
    SELECT array_agg(level.sku), json_agg(json_build_array(level.sku, level.free)) FILTER (WHERE level.free < line.quantity)
    INTO counted, short
    FROM lock_stock(skus) AS level JOIN unnest(skus, quantities) AS line (sku, quantity) ON line.sku = level.sku;
    IF short IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM orders WHERE idempotency_key = new_key) THEN
            outcome := 'short';
            placed_parameters := short;
        END IF;
        RETURN;
    END IF;
    INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email, customer_phone,
                        discount_code, livemode, idempotency_key, request_hash, locale)
    VALUES (new_id, new_currency, new_subtotal, new_discount, new_total, new_name, new_email, new_phone, new_code, new_livemode,
            new_key, new_hash, new_locale)
    ON CONFLICT ON CONSTRAINT orders_idempotency_key DO NOTHING
    RETURNING number INTO placed_number;
    IF placed_number IS NULL THEN
        RETURN;
    END IF;
    outcome := 'placed';
    placed_parameters := replace(
        replace(new_parameters, '"\u0001"', '"' || placed_number || '"'),
        '"\u0002"', '"' || coalesce((SELECT id::text FROM shop_identity LIMIT 1), '') || '"');
    INSERT INTO order_items (order_id, position, sku, name, description, unit_amount, quantity, amount, amount_discount, image_url)
    SELECT new_id, item.position, item.sku, item.name, item.description, item.unit_amount, item.quantity, item.amount, item.discount,
           (SELECT image_url FROM products WHERE products.sku = item.sku)
    FROM unnest(skus, names, descriptions, unit_amounts, quantities, amounts, discounts)
        WITH ORDINALITY AS item (sku, name, description, unit_amount, quantity, amount, discount, position);
    INSERT INTO session_attempts (order_id, attempt, parameters, started_at) VALUES (new_id, 1, placed_parameters, now());
    IF counted IS NOT NULL THEN
        -- An attempt's parameters have no `stock` if its session lasts a day and a late payment is reinstated.
        INSERT INTO stock_reservations (order_id, sku, quantity, held_until, late)
        SELECT new_id, line.sku, line.quantity,
               now() + make_interval(secs => coalesce((new_parameters::json #>> '{stock,seconds}')::integer, 87300)),
               coalesce(new_parameters::json #>> '{stock,late}', 'reinstate')
        FROM unnest(skus, quantities) AS line (sku, quantity) WHERE line.sku = ANY(counted);
        PERFORM announce_stock(array_agg(sku), array_agg(-quantity)) FROM stock_reservations WHERE order_id = new_id;
    END IF;
    INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES (new_id, 'pending', 'order.created', 'shopper');
END $$;
