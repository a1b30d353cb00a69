-- oldest code: 1

-- An order is placed only if not too many payments of its customer were declined: one statement less for each checkout. And a new
-- order's row is found by its id, whatever the planner knows about the table.
DROP FUNCTION place_order(bigint, uuid, text, bigint, bigint, bigint, text, text, text, text, boolean, text, bytea, text, text[], text[],
    text[], bigint[], integer[], bigint[], bigint[], text, text[], uuid[], boolean, text);
DROP FUNCTION record_only_session(bigint, uuid, integer, text, boolean, text, text, text, timestamptz, timestamptz);

-- Return how many payments were declined within the hour: of the email's latest hundred orders, or of the orders, whichever is more.
-- The planner must find events by their order, whatever it knows about the table: hence `type || ''`.
CREATE FUNCTION count_declines(of_email text, of_orders uuid[]) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN greatest(
        (SELECT count(*) FROM stripe_events
         WHERE type || '' = 'payment_intent.payment_failed' AND received_at >= now() - interval '1 hour'
            AND order_id IN (
                SELECT id FROM orders WHERE lower(customer_email) = lower(of_email) AND of_email <> ''
                ORDER BY created_at DESC LIMIT 100)),
        (SELECT count(*) FROM stripe_events
         WHERE type || '' = 'payment_intent.payment_failed' AND received_at >= now() - interval '1 hour'
            AND order_id = ANY(of_orders)));
END $$;

-- Place an order with its items, first session attempt and first change. `new_parameters` has \u0001 and \u0002 in place of the order's
-- number and the shop. The lock makes orders of the same customer and lines one at a time; each statement after it sees what its
-- previous holder committed. `outcome` is
--   placed: with the order's number and the parameters of its attempt
--   taken: the key has an order, or the customer placed one with the same `cart_lines` (`SKU quantity`) within the last hour that is
--          not in `known`. Null lines: place it in any case. The conditions are those of find_alike_orders
--   stale: with `check_prices`, a product is no longer what the line says
--   declined: at least `most_declines` payments of the email or of `address_orders` were declined within the hour. Null: no limit
CREATE FUNCTION place_order(
    lock_key bigint, new_id uuid, new_currency text, new_subtotal bigint, new_discount bigint, new_total bigint, new_name text,
    new_email text, new_phone text, new_code text, new_livemode boolean, new_key text, new_hash bytea, new_locale text, skus text[],
    names text[], descriptions text[], unit_amounts bigint[], quantities integer[], amounts bigint[], discounts bigint[],
    new_parameters text, cart_lines text[], known uuid[], check_prices boolean, address_orders uuid[], most_declines integer,
    channel text,
    OUT outcome text, OUT placed_number bigint, OUT placed_parameters text
) LANGUAGE plpgsql AS $$
BEGIN
    IF most_declines IS NOT NULL AND count_declines(new_email, address_orders) >= most_declines THEN
        outcome := 'declined';
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(lock_key);
    outcome := 'taken';
    IF cart_lines IS NOT NULL AND EXISTS (
        SELECT FROM (
            SELECT id FROM orders
            WHERE lower(customer_email) = lower(new_email) AND created_at > now() - interval '1 hour' AND livemode = new_livemode
                AND status NOT IN ('canceled', 'refunded') AND id <> ALL (known)
            ORDER BY created_at DESC, number DESC LIMIT 100
        ) AS recent
        WHERE cart_lines = (
            SELECT array_agg(sku || ' ' || quantity ORDER BY sku COLLATE "C") FROM order_items WHERE order_id = recent.id)
    ) OR new_key IS NOT NULL AND EXISTS (SELECT FROM order_keys WHERE idempotency_key = new_key) THEN
        RETURN;
    END IF;
    IF check_prices AND cardinality(skus) <> (
        SELECT count(*) FROM unnest(skus, names, descriptions, unit_amounts) AS line (sku, name, description, unit_amount)
        JOIN products AS product ON product.sku = line.sku AND product.name = line.name AND product.description = line.description
            AND product.unit_amount = line.unit_amount AND product.currency = new_currency AND product.available
    ) THEN
        -- A key that has an order leads to it, whatever its products cost now.
        IF NOT EXISTS (SELECT FROM orders WHERE idempotency_key = new_key) THEN
            outcome := 'stale';
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
    INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES (new_id, 'pending', 'order.created', 'shopper');
    PERFORM pg_notify(channel, '');
END $$;

-- Record the session that Stripe made for an order's only attempt, with its links to the order. Return whether that was done: only if
-- nothing else is known about the order and the session, so that merging it would write these rows and no others. Otherwise nothing
-- is written. The locks are those of a merge, in the same sequence: the session's id, then the order.
CREATE FUNCTION record_only_session(
    lock_key bigint, the_order uuid, the_attempt integer, session text, session_livemode boolean, session_status text,
    session_outcome text, session_url text, session_expires_at timestamptz, session_known_at timestamptz
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(lock_key);
    -- Only the id is compared here: the planner must not choose an index on the status.
    SELECT status = 'pending' AND attention = '{}' AND amount_refunded = 0 AND paid_at IS NULL INTO is_new
    FROM orders WHERE id = the_order FOR NO KEY UPDATE;
    IF is_new IS NOT TRUE
        OR EXISTS (SELECT FROM links WHERE target_id = the_order::text) OR EXISTS (SELECT FROM links WHERE source_id = session)
        OR EXISTS (SELECT FROM checkout_sessions WHERE order_id = the_order)
        OR EXISTS (SELECT FROM checkout_sessions WHERE id = session)
        OR EXISTS (SELECT FROM payments WHERE order_id = the_order) OR EXISTS (SELECT FROM payments WHERE id = session)
        OR EXISTS (SELECT FROM acts WHERE order_id = the_order) OR EXISTS (SELECT FROM refund_requests WHERE order_id = the_order)
        OR EXISTS (SELECT FROM doubtful_attempts WHERE order_id = the_order)
        OR EXISTS (SELECT FROM session_attempts
                   WHERE order_id = the_order AND (attempt <> the_attempt OR session_id IS NOT NULL OR rejected_at IS NOT NULL))
        OR EXISTS (SELECT FROM stripe_events WHERE subject_id = session AND reason = 'no_order')
    THEN
        RETURN false;
    END IF;
    UPDATE session_attempts SET session_id = session WHERE order_id = the_order AND attempt = the_attempt;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO links (source_id, target_id, rank) VALUES (session, the_order::text, 0);
    INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome, url, expires_at, known_at)
    VALUES (session, session_livemode, the_order, the_attempt, session_status, session_outcome, session_url, session_expires_at,
            session_known_at);
    RETURN true;
END $$;
