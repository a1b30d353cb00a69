-- oldest code: 1

-- Pieces that are not sold, reserved ones included; null: not counted.
ALTER TABLE products ADD COLUMN stock integer;

-- Not `stock`: a sale changes it, and is announced only when a shopper can see the difference (announce_stock).
CREATE OR REPLACE TRIGGER products_announced
    AFTER INSERT OR UPDATE OF sku, name, description, image_url, unit_amount, currency, available, position OR DELETE OR TRUNCATE
    ON products FOR EACH STATEMENT EXECUTE FUNCTION announce_catalog();

-- What an order takes of the products that were counted when it was placed. The state follows from the order's status
-- (ledger/reservations.py), and only changes while the order's row is locked, and then those of the products by sku.
CREATE TABLE stock_reservations (
    order_id   uuid NOT NULL,
    sku        text NOT NULL,
    quantity   integer NOT NULL,
    state      text NOT NULL DEFAULT 'reserved',
    attempt    integer NOT NULL DEFAULT 1,  -- the session attempt that it was last reserved for
    held_until timestamptz NOT NULL,        -- when that attempt's session has surely ended
    late       text NOT NULL,               -- what happens if it is paid after its release: CHECKOUT_LATE_PAYMENT of that time
    restocked  integer NOT NULL DEFAULT 0,  -- of the pieces sold, those that went back into stock
    PRIMARY KEY (order_id, sku),
    CONSTRAINT stock_reservations_quantity CHECK (quantity >= 1 AND restocked BETWEEN 0 AND quantity),
    CONSTRAINT stock_reservations_state_known CHECK (state IN ('reserved', 'released', 'sold', 'oversold', 'withheld')),
    CONSTRAINT stock_reservations_late_known CHECK (late IN ('reinstate', 'refund', 'ask'))
) WITH (fillfactor = 90);
CREATE INDEX stock_reservations_held ON stock_reservations (sku) INCLUDE (quantity) WHERE state = 'reserved';
CREATE INDEX stock_reservations_due ON stock_reservations (held_until) WHERE state = 'reserved';
CREATE INDEX stock_reservations_oversold ON stock_reservations (sku) WHERE state = 'oversold';

-- Every change of products.stock by this program, in sequence.
CREATE TABLE stock_movements (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    sku        text NOT NULL,
    kind       text NOT NULL,
    change     integer NOT NULL,
    stock      integer,            -- afterwards; null: no longer counted
    order_id   uuid,
    request_id uuid,               -- the refund request that put pieces back
    actor      text NOT NULL,
    note       text NOT NULL DEFAULT '',
    CONSTRAINT stock_movements_kind_known CHECK (
        kind IN ('set', 'adjusted', 'imported', 'sold', 'returned', 'restocked', 'withheld'))
);
CREATE INDEX stock_movements_of_sku ON stock_movements (sku, seq);
CREATE UNIQUE INDEX stock_movements_of_refund ON stock_movements (request_id, sku) WHERE request_id IS NOT NULL;

-- The counted products. `free` is negative if more is reserved than there is, which only a person's correction brings about.
CREATE VIEW stock_levels WITH (security_invoker = true) AS
SELECT product.sku, product.stock, held.reserved, product.stock - held.reserved AS free
FROM products AS product
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0)::integer AS reserved
    FROM stock_reservations WHERE sku = product.sku AND state = 'reserved'
) AS held
WHERE product.stock IS NOT NULL;
GRANT SELECT ON stock_levels TO PUBLIC;

-- Lock the counted ones of these products by sku until the transaction ends, and return how many pieces of each are free. What is
-- reserved is read after the locks.
CREATE FUNCTION lock_stock(skus text[], OUT sku text, OUT stock integer, OUT free integer) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM products WHERE products.sku = ANY(skus) AND products.stock IS NOT NULL ORDER BY products.sku FOR NO KEY UPDATE;
    IF FOUND THEN
        RETURN QUERY SELECT level.sku, level.stock, level.free FROM stock_levels AS level WHERE level.sku = ANY(skus);
    END IF;
END $$;

-- Return the reservations of the orders that load_facts has locked and returned, as a JSON array of arrays, or null for none. It reads what
-- was committed before the locks held.
CREATE FUNCTION load_reservations(locked_orders json) RETURNS json LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    -- A shop that counts nothing is done here.
    IF locked_orders IS NULL OR NOT EXISTS (SELECT FROM stock_reservations) THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT json_agg(json_build_array(order_id, sku, quantity, state, attempt, held_until <= now(), late, restocked))
        FROM json_array_elements(locked_orders) AS placed
        CROSS JOIN LATERAL (SELECT * FROM stock_reservations WHERE order_id = (placed ->> 0)::uuid OFFSET 0) AS held);
END $$;

-- Announce that less or more is left of products, if shoppers can see it: of up to 5 pieces they are shown how many are left. `changes`
-- are those of what is free, already made.
CREATE FUNCTION announce_stock(skus text[], changes integer[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(skus, changes) AS moved (sku, change) JOIN stock_levels AS level USING (sku)
        WHERE moved.change <> 0 AND least(level.free, level.free - moved.change) <= 5
            AND greatest(level.free, level.free - moved.change) > 0)
    THEN
        PERFORM pg_notify('checkout_catalog', '');
    END IF;
END $$;

-- Reserve again, for a new attempt, what an order had released, and keep the rest for it. Return null; or, if there is not enough, what
-- is short as a JSON array of [sku, free], and change nothing.
CREATE FUNCTION renew_stock(the_order uuid, the_attempt integer, lifetime interval, late_payment text) RETURNS json
    LANGUAGE plpgsql AS $$
DECLARE
    wanted text[] := ARRAY(SELECT sku FROM stock_reservations WHERE order_id = the_order AND state = 'released');
    short json;
BEGIN
    IF wanted <> '{}' THEN
        SELECT json_agg(json_build_array(level.sku, level.free)) INTO short
        FROM lock_stock(wanted) AS level JOIN stock_reservations AS held ON held.order_id = the_order AND held.sku = level.sku
        WHERE level.free < held.quantity;
        IF short IS NOT NULL THEN
            RETURN short;
        END IF;
    END IF;
    UPDATE stock_reservations SET state = 'reserved', attempt = the_attempt, held_until = now() + lifetime, late = late_payment
    WHERE order_id = the_order AND state IN ('reserved', 'released');
    IF wanted <> '{}' THEN
        PERFORM announce_stock(array_agg(sku), array_agg(-quantity))
        FROM stock_reservations WHERE order_id = the_order AND sku = ANY(wanted);
    END IF;
    RETURN NULL;
END $$;

-- Whether the items of a refund go back into stock once Stripe has made it.
ALTER TABLE refund_requests ADD COLUMN restock boolean NOT NULL DEFAULT false;

-- What a checkout or webhook writes has no foreign key. It is written together with its order, or placed under an order whose row the
-- transaction has locked and under a payment that it has written; a key would look for the same rows once more, six times an event
-- (docs/PERFORMANCE.md). The program deletes no order; these triggers delete what belongs to one that is deleted by hand.
CREATE OR REPLACE FUNCTION delete_rows_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM order_texts WHERE order_id = OLD.id;
    DELETE FROM order_items WHERE order_id = OLD.id;
    DELETE FROM stock_reservations WHERE order_id = OLD.id;
    DELETE FROM session_attempts WHERE order_id = OLD.id;
    DELETE FROM payments WHERE order_id = OLD.id;
    DELETE FROM charges WHERE order_id = OLD.id;
    DELETE FROM checkout_sessions WHERE order_id = OLD.id;
    DELETE FROM order_changes WHERE order_id = OLD.id;
    DELETE FROM outbox WHERE order_id = OLD.id;
    UPDATE stripe_events SET order_id = NULL WHERE order_id = OLD.id;
    RETURN NULL;
END $$;

-- Place an order with its items, first session attempt and first change, which the caller announces: NOTIFY would make every commit wait
-- for the flush of the one before it. `new_parameters` has \u0001 and \u0002 in place of the order's number and the shop. The lock
-- makes orders of the same customer and lines one at a time; each statement after it sees what its previous holder committed.
-- `outcome` is
--   placed: with the order's number and the parameters of its attempt
--   taken: the key has an order, or the customer placed one with the same `cart_lines` (`SKU quantity`) within the last hour that is
--          not in `known`. Null lines: place it in any case. The conditions are those of find_alike_orders
--   stale: with `check_prices`, a product differs from its line
--   short: there is not enough of a counted product; the parameters are a JSON array of [sku, free]
--   declined: at least `most_declines` payments of the email or of `address_orders` were declined within the hour. Null: no limit
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
    -- OFFSET 0 makes the planner look for each product by its sku.
    SELECT cart_lines IS NOT NULL AND EXISTS (
        SELECT FROM (
            SELECT id FROM orders
            WHERE lower(customer_email) = lower(new_email) AND created_at > now() - interval '1 hour' AND livemode = new_livemode
                AND status NOT IN ('canceled', 'refunded') AND id <> ALL (known)
            ORDER BY created_at DESC, number DESC LIMIT 100
        ) AS recent
        WHERE cart_lines = (
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
    INSERT INTO order_items (order_id, position, sku, name, description, unit_amount, quantity, amount, amount_discount)
    SELECT new_id, item.position, item.sku, item.name, item.description, item.unit_amount, item.quantity, item.amount, item.discount
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
