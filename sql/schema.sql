-- The whole schema, for a new database. migrations/ brings older databases here; a test checks that both give the same schema.
-- Money is integers in minor units, currencies are lower-case, times are UTC.
--
-- Autovacuum by default waits until a fifth of a table has changed, and analyzes after a tenth: months of orders. The large tables have
-- it do the same work in smaller parts. Where rows are updated, a tenth of each page is left to their new versions.

CREATE TABLE schema_migrations (
    version     integer PRIMARY KEY,
    name        text NOT NULL,
    oldest_code integer NOT NULL,  -- code older than this schema version must not run on this database
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- Migrations that still build indexes or fill rows in batches, and where the last batch ended.
CREATE TABLE schema_backfills (
    version  integer PRIMARY KEY,
    position text NOT NULL
);

-- Catalog -------------------------------------------------------------------------------------------------------------

CREATE TABLE products (
    sku         text PRIMARY KEY,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    image_url   text,
    unit_amount bigint NOT NULL,
    currency    text NOT NULL,
    available   boolean NOT NULL DEFAULT true,
    position    integer NOT NULL DEFAULT 0,  -- display order
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    stock       integer,  -- pieces that are not sold, reserved ones included; null: not counted
    images      text[] NOT NULL DEFAULT '{}',  -- all pictures, the first being image_url; empty if there are not several
    CONSTRAINT products_sku_shape CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
    CONSTRAINT products_name_shape CHECK (length(name) BETWEEN 1 AND 250),
    CONSTRAINT products_unit_amount_range CHECK (unit_amount BETWEEN 0 AND 999999999999),
    CONSTRAINT products_currency_shape CHECK (currency ~ '^[a-z]{3}$')
);

CREATE TABLE discounts (
    code             text PRIMARY KEY,
    percent_off      numeric(5, 2),
    amount_off       bigint,
    currency         text,  -- null: any
    minimum_subtotal bigint NOT NULL DEFAULT 0,
    starts_at        timestamptz,
    ends_at          timestamptz,
    redemption_limit integer,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT discounts_code_shape CHECK (code ~ '^[A-Z0-9._-]{1,64}$'),
    CONSTRAINT discounts_one_kind CHECK (num_nonnulls(percent_off, amount_off) = 1),
    CONSTRAINT discounts_percent_range CHECK (percent_off > 0 AND percent_off <= 100),
    CONSTRAINT discounts_amount_range CHECK (amount_off BETWEEN 1 AND 999999999999),
    CONSTRAINT discounts_amount_currency CHECK (amount_off IS NULL OR currency IS NOT NULL),
    CONSTRAINT discounts_currency_shape CHECK (currency ~ '^[a-z]{3}$'),
    CONSTRAINT discounts_minimum_range CHECK (minimum_subtotal >= 0),
    CONSTRAINT discounts_limit_range CHECK (redemption_limit >= 0)
);

-- Announce every change of the catalog, whoever makes it: daemons keep the catalog in memory (catalog/memory.py).
CREATE FUNCTION announce_catalog() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('checkout_catalog', '');
    RETURN NULL;
END $$;
-- Not `stock`: a sale changes it, and is announced only when a shopper can see the difference (announce_stock).
CREATE TRIGGER products_announced
    AFTER INSERT OR UPDATE OF sku, name, description, image_url, unit_amount, currency, available, position, images
        OR DELETE OR TRUNCATE
    ON products FOR EACH STATEMENT EXECUTE FUNCTION announce_catalog();
CREATE TRIGGER discounts_announced AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON discounts
    FOR EACH STATEMENT EXECUTE FUNCTION announce_catalog();

-- Orders --------------------------------------------------------------------------------------------------------------

CREATE TABLE orders (
    id              uuid PRIMARY KEY,  -- 106 random bits: whoever has it may see the order (orders/order_ids.py)
    number          bigint GENERATED ALWAYS AS IDENTITY (START WITH 1001) UNIQUE,
    -- Derived from the facts; stored so that lists need not derive it. Only ledger/writes.py writes it (record_facts).
    status          text NOT NULL DEFAULT 'pending',
    attention       text[] NOT NULL DEFAULT '{}',
    amount_refunded bigint NOT NULL DEFAULT 0,
    paid_at         timestamptz,
    -- The terms that the shopper agreed to. They never change.
    currency        text NOT NULL,
    amount_subtotal bigint NOT NULL,
    amount_discount bigint NOT NULL,
    amount_total    bigint NOT NULL,
    customer_name   text NOT NULL,
    customer_email  text NOT NULL,
    customer_phone  text NOT NULL,
    discount_code   text,
    livemode        boolean NOT NULL,
    idempotency_key text,
    request_hash    bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    locale          text,  -- language tag of the shopper's browser, such as de-AT; null: unknown
    erased_at       timestamptz,  -- when the customer's data was deleted
    coupon_deleted_at timestamptz,  -- at Stripe; null again once the coupon is made again
    imported_from   text,  -- the session, PaymentIntent or charge of another system that it was made from
    -- Null in shops without shipping or tax. They belong to the terms, as they were when the order was placed.
    amount_shipping bigint,
    amount_tax      bigint,  -- part of the total
    shipped_at      timestamptz,
    CONSTRAINT orders_idempotency_key UNIQUE (idempotency_key),
    CONSTRAINT orders_status_known CHECK (status IN (
        'pending', 'processing', 'completed', 'partially_refunded', 'refunded', 'disputed', 'failed', 'expired', 'canceled')),
    CONSTRAINT orders_currency_shape CHECK (currency ~ '^[a-z]{3}$'),
    CONSTRAINT orders_amounts CHECK (
        amount_subtotal >= 0 AND amount_discount >= 0 AND amount_total >= 0 AND amount_refunded >= 0
        AND amount_total = amount_subtotal - amount_discount + coalesce(amount_shipping, 0)
        AND coalesce(amount_shipping, 0) >= 0 AND coalesce(amount_tax, 0) BETWEEN 0 AND amount_total),
    CONSTRAINT orders_key_with_hash CHECK ((idempotency_key IS NULL) = (request_hash IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02, fillfactor = 90);
CREATE INDEX orders_newest ON orders (created_at DESC, number DESC);
CREATE INDEX orders_by_status ON orders (status, created_at DESC, number DESC);
CREATE INDEX orders_by_email ON orders (lower(customer_email), created_at DESC, number DESC);
CREATE INDEX orders_by_email_and_status ON orders (lower(customer_email), status, created_at, number)
    WHERE status NOT IN ('pending', 'completed');
CREATE INDEX orders_by_payment ON orders (paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX orders_by_amount ON orders (amount_total, created_at DESC, number DESC);
CREATE INDEX orders_by_discount ON orders (discount_code, created_at DESC, number DESC) WHERE discount_code IS NOT NULL;
CREATE INDEX orders_flagged ON orders (status, created_at DESC, number DESC) WHERE attention <> '{}';
CREATE INDEX orders_redeeming ON orders (discount_code)
    WHERE discount_code IS NOT NULL AND status NOT IN ('failed', 'expired', 'canceled');
CREATE INDEX orders_to_forget ON orders (created_at)
    WHERE erased_at IS NULL AND paid_at IS NULL AND status IN ('pending', 'failed', 'expired', 'canceled');
CREATE INDEX orders_to_ship ON orders (paid_at) WHERE amount_shipping IS NOT NULL AND shipped_at IS NULL;
CREATE INDEX orders_with_coupon ON orders (updated_at) WHERE amount_discount > 0 AND coupon_deleted_at IS NULL;

-- An order as it is listed and shown. Every statement that reads whole orders selects from here, so the columns are written once.
-- Readers need the right to read `orders` itself (security_invoker). New columns go to the end: see migration 0022.
CREATE VIEW order_rows WITH (security_invoker = true) AS
SELECT id, number, status, attention, currency, amount_subtotal, amount_discount, amount_total, amount_refunded, customer_name,
       customer_email, customer_phone, discount_code, livemode, created_at, updated_at, paid_at, imported_from, amount_shipping,
       amount_tax, shipped_at
FROM orders;
GRANT SELECT ON order_rows TO PUBLIC;

-- Idempotency keys that were answered with an order made under another key, or without one. They keep that order.
CREATE TABLE order_keys (
    idempotency_key text PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    request_hash    bytea NOT NULL
);
CREATE INDEX order_keys_of_order ON order_keys (order_id);

-- The names, emails, phone numbers and discount codes that a search looks through, indexed by trigrams (without an extension). They have
-- their own table because an order's row is rewritten with every event, and these texts are not.
CREATE TABLE order_texts (
    order_id uuid PRIMARY KEY,
    text     text NOT NULL
);

-- Return the trigrams of a text, those that it has twice as well: the index and @> treat the array as a set.
CREATE FUNCTION trigrams(text text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(substr(text, place, 3)), '{}') FROM generate_series(1, length(text) - 2) AS place
$$;
-- The first two digits of an order's id follow the time (orders/order_ids.py): each pair stands for 43 hours, every 455 days. With them
-- a search of the newest orders reads no others. New entries wait in a list, which whoever fills it up sorts in and which each search
-- reads: 512 kB, not 4 MB.
CREATE INDEX order_texts_search ON order_texts USING gin (trigrams(text), (ARRAY[left(order_id::text, 2)]))
    WITH (gin_pending_list_limit = 512);

-- Return the trigrams of a text with the share of texts that contain each, by the planner's figures: 0 if it is small or not known.
CREATE FUNCTION trigram_shares(text text) RETURNS TABLE (trigram text, share real) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT DISTINCT wanted, coalesce(known.share, 0)
    FROM unnest(trigrams(text)) AS wanted
    LEFT JOIN (
        SELECT common.* FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common (element, share)
        WHERE tablename LIKE 'order_texts_%' AND attname = 'trigrams' AND schemaname = current_schema()
    ) AS known ON element = wanted
$$;

-- Return the few trigrams of a text that the fewest texts contain. An index looks up every trigram that is asked for, and those of
-- `@example.com` are in all texts.
CREATE FUNCTION rare_trigrams(text text) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT array_agg(trigram) FROM (SELECT trigram FROM trigram_shares(text) ORDER BY share LIMIT 4) AS rare
$$;

-- Return a text as searches compare it: without case and accents, so that jose finds José. model/text.py does the same.
CREATE FUNCTION search_form(text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(text) = length(text) THEN lower(text) ELSE
        replace(replace(replace(replace(
            translate(lower(regexp_replace(normalize(text, NFKD), E'[\u0300-\u036f]', '', 'g')), 'øłđðıħŧς', 'olddihtσ'),
            'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
    END
$$;

CREATE FUNCTION keep_order_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_texts (order_id, text)
    VALUES (NEW.id, search_form(concat_ws(E'\n', NEW.customer_name, NEW.customer_email, NEW.customer_phone, NEW.discount_code)))
    ON CONFLICT (order_id) DO UPDATE SET text = excluded.text;
    RETURN NULL;
END $$;
CREATE TRIGGER orders_text_kept AFTER INSERT OR UPDATE OF customer_name, customer_email, customer_phone ON orders
    FOR EACH ROW EXECUTE FUNCTION keep_order_text();

CREATE TABLE order_items (
    order_id        uuid NOT NULL,
    position        smallint NOT NULL,
    sku             text NOT NULL,
    name            text NOT NULL,
    description     text NOT NULL DEFAULT '',
    unit_amount     bigint NOT NULL,
    quantity        integer NOT NULL,
    amount          bigint NOT NULL,  -- unit_amount x quantity
    amount_discount bigint NOT NULL,  -- this line's share of the order's discount
    image_url       text,  -- the product's picture, as it was
    PRIMARY KEY (order_id, position),
    CONSTRAINT order_items_amount CHECK (unit_amount >= 0 AND quantity BETWEEN 1 AND 999 AND amount = unit_amount * quantity),
    CONSTRAINT order_items_discount CHECK (amount_discount BETWEEN 0 AND amount)
);
CREATE INDEX order_items_by_sku ON order_items (lower(sku) text_pattern_ops, order_id);

-- How and where to an order is sent. Of the address only the country is known until Stripe's page has asked for the rest, and again once
-- the customer was erased.
CREATE TABLE order_shipping (
    order_id        uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    rate            text NOT NULL,             -- its name in shop.toml
    label           text NOT NULL,             -- as the shopper saw it
    estimate        text NOT NULL DEFAULT '',
    name            text NOT NULL DEFAULT '',  -- of the recipient
    line1           text NOT NULL DEFAULT '',
    line2           text NOT NULL DEFAULT '',
    city            text NOT NULL DEFAULT '',
    state           text NOT NULL DEFAULT '',
    postal_code     text NOT NULL DEFAULT '',
    country         text NOT NULL,
    collected_by    text NOT NULL DEFAULT '',  -- the session whose page asked for the address: of several, the greatest id
    carrier         text NOT NULL DEFAULT '',
    tracking_number text NOT NULL DEFAULT '',
    tracking_url    text NOT NULL DEFAULT '',
    CONSTRAINT order_shipping_country CHECK (country ~ '^[A-Z]{2}$')
);

-- The tax that an order's total includes, by class and rate.
CREATE TABLE order_taxes (
    order_id     uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    position     smallint NOT NULL,
    tax_class    text NOT NULL,
    percent      numeric(6, 3) NOT NULL,
    amount_gross bigint NOT NULL,  -- the part of the total that is taxed so, tax included
    amount       bigint NOT NULL,
    PRIMARY KEY (order_id, position),
    CONSTRAINT order_taxes_amount CHECK (percent > 0 AND amount BETWEEN 0 AND amount_gross)
);

-- An attempt to make a Checkout Session. It is written before Stripe is called, so that it can be finished with the same bytes after a
-- crash.
CREATE TABLE session_attempts (
    order_id    uuid NOT NULL,
    attempt     integer NOT NULL,
    parameters  text NOT NULL,  -- JSON, frozen: sent at each try
    started_at  timestamptz NOT NULL,
    session_id  text,           -- once Stripe has answered
    rejected_at timestamptz,    -- Stripe stored a refusal: this attempt's key cannot be used again
    error       text,
    PRIMARY KEY (order_id, attempt),
    CONSTRAINT session_attempts_number CHECK (attempt >= 1),
    CONSTRAINT session_attempts_session UNIQUE (session_id)
);

-- What persons did to an order: acts and notes. Rows are only added.
CREATE TABLE acts (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    kind     text NOT NULL,
    reason   text NOT NULL DEFAULT '',  -- acknowledged: the attention code; shipped: the carrier
    subject  text NOT NULL DEFAULT '',  -- acknowledged: the attention's subject
    actor    text NOT NULL,
    note     text NOT NULL DEFAULT '',
    at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT acts_kind_known CHECK (kind IN ('canceled', 'acknowledged', 'noted', 'shipped'))
);
CREATE INDEX acts_of_order ON acts (order_id, seq);

-- Who takes care of an order, and until when its open items are left out of the list of what needs a person.
CREATE TABLE order_care (
    order_id      uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    owner         text,         -- a name, as operators use it
    snoozed_until timestamptz,
    snoozed       text[] NOT NULL DEFAULT '{}',  -- the items that were open then, as kind:subject; new ones are shown
    CONSTRAINT order_care_owner CHECK (length(owner) BETWEEN 1 AND 64)
);

-- Stock ---------------------------------------------------------------------------------------------------------------

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

-- Facts: keyed by Stripe's id, stored whether or not their order is known ---------------------------------------------

CREATE TABLE links (
    source_id text NOT NULL,      -- cs_, pi_ or ch_
    target_id text NOT NULL,      -- an order's id, or pi_
    rank      smallint NOT NULL,  -- 3: the target is pi_; else what names the order: 0 our session row, 1 client_reference_id, 2 metadata
    PRIMARY KEY (source_id, target_id)
);
CREATE INDEX links_by_target ON links (target_id, source_id);

CREATE TABLE checkout_sessions (
    id         text NOT NULL,
    livemode   boolean NOT NULL,
    order_id   uuid,
    attempt    integer NOT NULL DEFAULT 0,  -- 0: not made by us
    status     text NOT NULL,
    outcome    text NOT NULL,
    url        text,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    known_at      timestamptz,  -- of the newest report with values that this version knows
    unknown_at    timestamptz,  -- of the newest report with an unknown value
    unknown_words text,         -- that value, as field=value
    PRIMARY KEY (id, livemode),
    CONSTRAINT checkout_sessions_attempt CHECK (attempt >= 0),
    CONSTRAINT checkout_sessions_status_known CHECK (status IN ('open', 'expired', 'complete')),
    CONSTRAINT checkout_sessions_outcome_known CHECK (outcome IN ('unpaid', 'failed', 'no_payment_required', 'paid'))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02, fillfactor = 90);
CREATE INDEX checkout_sessions_of_order ON checkout_sessions (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX checkout_sessions_open ON checkout_sessions (expires_at) WHERE status = 'open';
CREATE INDEX checkout_sessions_expired ON checkout_sessions (expires_at) WHERE status = 'expired';

CREATE TABLE payments (
    id         text PRIMARY KEY,  -- pi_; cs_ where there is no PaymentIntent; ch_ where only its charge is known
    order_id   uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_of_order ON payments (order_id) WHERE order_id IS NOT NULL;

-- The amounts reported for a payment. More than one row means that Stripe's objects disagree: such a payment is never valid.
CREATE TABLE payment_observations (
    payment_id text NOT NULL,
    amount     bigint NOT NULL,
    currency   text NOT NULL,
    livemode   boolean NOT NULL,
    paid_at    timestamptz NOT NULL,
    PRIMARY KEY (payment_id, amount, currency, livemode),
    CONSTRAINT payment_observations_amount CHECK (amount >= 0),
    CONSTRAINT payment_observations_currency CHECK (currency ~ '^[a-z]{3}$')
);

-- The status of refunds and disputes has no constraint, because Stripe may add one at any time; ledger/facts.py checks it.
CREATE TABLE refunds (
    id         text NOT NULL,
    livemode   boolean NOT NULL,
    payment_id text NOT NULL REFERENCES payments ON DELETE CASCADE,
    status     text NOT NULL,
    amount     bigint NOT NULL,
    currency   text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    request_id text,  -- our refund request, from the metadata
    known_at      timestamptz,  -- these three as in checkout_sessions
    unknown_at    timestamptz,
    unknown_words text,
    PRIMARY KEY (id, livemode),
    CONSTRAINT refunds_amount CHECK (amount >= 0),
    CONSTRAINT refunds_currency CHECK (currency ~ '^[a-z]{3}$')
);
CREATE INDEX refunds_of_payment ON refunds (payment_id);

CREATE TABLE disputes (
    id          text NOT NULL,
    livemode    boolean NOT NULL,
    payment_id  text NOT NULL REFERENCES payments ON DELETE CASCADE,
    status      text NOT NULL,
    due_by      timestamptz,
    amount      bigint,
    currency    text,
    reason      text,
    observed_at timestamptz NOT NULL,
    event_id    text NOT NULL,  -- its source; breaks ties within a second
    created_at  timestamptz NOT NULL DEFAULT now(),
    unknown_words text,         -- if the status is unknown, as status=word
    withdrawn_at  timestamptz,  -- when Stripe last withdrew the money
    reinstated_at timestamptz,  -- when Stripe last returned it
    network_reason   text,      -- the card network's own code of the reason
    has_evidence     boolean,   -- these three are null if they were not reported
    submission_count integer,
    past_due         boolean,
    PRIMARY KEY (id, livemode)
);
CREATE INDEX disputes_of_payment ON disputes (payment_id);
CREATE INDEX disputes_unanswered ON disputes (due_by)
    WHERE status IN ('warning_needs_response', 'needs_response', 'appeal_needs_response');

-- Early fraud warnings: the issuer of a card reports a payment as fraudulent, before anybody disputes it. `decision` is what
-- CHECKOUT_FRAUD_WARNING led to, once the order was known: see orders/fraud_warnings.py.
CREATE TABLE fraud_warnings (
    id          text NOT NULL,
    livemode    boolean NOT NULL,
    payment_id  text NOT NULL REFERENCES payments ON DELETE CASCADE,
    fraud_type  text,
    actionable  boolean NOT NULL,  -- Stripe's: false once the charge is disputed or refunded
    warned_at   timestamptz,
    observed_at timestamptz NOT NULL,
    event_id    text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    decision    text,
    decided_at  timestamptz,
    PRIMARY KEY (id, livemode),
    CONSTRAINT fraud_warnings_decided CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX fraud_warnings_of_payment ON fraud_warnings (payment_id);
CREATE INDEX fraud_warnings_undecided ON fraud_warnings (created_at) WHERE decided_at IS NULL;

-- Canceled PaymentIntents, which bring no money. They have their own table because a row in payments means that money was reported.
CREATE TABLE canceled_payments (
    id          text PRIMARY KEY,
    canceled_at timestamptz NOT NULL
);

-- The refunded amount that a charge reports. If it differs from the sum of the refunds we have, a job lists them at Stripe.
CREATE TABLE refund_hints (
    charge_id       text NOT NULL,
    livemode        boolean NOT NULL,
    payment_id      text NOT NULL REFERENCES payments ON DELETE CASCADE,
    amount_refunded bigint NOT NULL,
    observed_at     timestamptz NOT NULL,
    event_id        text NOT NULL,
    checked_at      timestamptz,  -- when a job last compared it; null again once a newer hint arrives
    PRIMARY KEY (charge_id, livemode),
    CONSTRAINT refund_hints_amount CHECK (amount_refunded >= 0)
);
CREATE INDEX refund_hints_of_payment ON refund_hints (payment_id);
CREATE INDEX refund_hints_to_follow ON refund_hints (observed_at) WHERE checked_at IS NULL;

-- The attempts to take the money of payments: with which card or account, and why one was declined. Refused before there was a charge,
-- an attempt has the id of its payment method or PaymentIntent. `order_id`, the order's time and its number are a cache, by which lists
-- of orders are read. A charge of an erased order has no card, account, message or risk; record_charges adds none.
CREATE TABLE charges (
    payment_id      text NOT NULL,  -- pi_; the charge's id where there is no PaymentIntent
    id              text NOT NULL,  -- ch_, py_, pm_ or pi_
    livemode        boolean NOT NULL,
    order_id        uuid,
    ordered_at      timestamptz,
    order_number    bigint,
    created_at      timestamptz NOT NULL,
    status          text NOT NULL,  -- unknown, pending, failed or succeeded
    method          text,           -- card, sepa_debit, …
    brand           text,
    last4           text,
    funding         text,
    country         text,
    wallet          text,
    network         text,
    decline_source  smallint,       -- where the code was read: ledger/charge_facts.py
    declined_at     timestamptz,
    decline_code    text,
    decline_message text,
    assessed_at     timestamptz,
    risk_level      text,
    risk_score      smallint,       -- -1: none
    PRIMARY KEY (payment_id, id, livemode)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02, fillfactor = 90);
CREATE INDEX charges_of_order ON charges (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX charges_by_last4 ON charges (last4, ordered_at DESC, order_number DESC) WHERE last4 IS NOT NULL;
CREATE INDEX charges_by_decline ON charges (decline_code, ordered_at DESC, order_number DESC) WHERE decline_code IS NOT NULL;
CREATE INDEX charges_unowned ON charges (created_at) WHERE order_id IS NULL;

-- The balance at Stripe -----------------------------------------------------------------------------------------------

-- What each payment, refund, dispute and payout did to the balance at Stripe, as its API lists it. Amounts are in minor units of
-- `currency`, in which Stripe settles; net = amount - fee. A job reads them (bank/reading.py); no delivery writes here.
CREATE TABLE balance_transactions (
    id              text PRIMARY KEY,       -- txn_
    livemode        boolean NOT NULL,
    type            text NOT NULL,          -- these two in Stripe's words
    category        text NOT NULL,          -- its reporting_category
    amount          bigint NOT NULL,
    fee             bigint NOT NULL,
    net             bigint NOT NULL,
    currency        text NOT NULL,
    exchange_rate   numeric,                -- from source_currency to currency
    source_id       text,                   -- ch_, re_, du_, po_ …
    source_amount   bigint,                 -- of the source, in its own currency, not negative
    source_currency text,
    payment_id      text,                   -- pi_, or ch_ without one, that the source belongs to
    payout_id       text,                   -- once Stripe has listed it as part of that payout
    created_at      timestamptz NOT NULL,   -- when the money moved, at Stripe
    available_on    timestamptz NOT NULL,
    CONSTRAINT balance_transactions_net CHECK (net = amount - fee),
    CONSTRAINT balance_transactions_currency CHECK (currency ~ '^[a-z]{3}$')
);
CREATE INDEX balance_transactions_newest ON balance_transactions (created_at DESC, id DESC);
CREATE INDEX balance_transactions_of_payment ON balance_transactions (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX balance_transactions_of_payout ON balance_transactions (payout_id) WHERE payout_id IS NOT NULL;

-- Money that goes from the balance to the bank.
CREATE TABLE payouts (
    id             text PRIMARY KEY,        -- po_
    livemode       boolean NOT NULL,
    amount         bigint NOT NULL,
    currency       text NOT NULL,
    status         text NOT NULL,           -- in Stripe's words, as reconciliation
    automatic      boolean NOT NULL,        -- Stripe knows the lines of these only
    reconciliation text NOT NULL,
    failure_code   text,
    created_at     timestamptz NOT NULL,
    arrives_at     timestamptz NOT NULL,
    lines_read_at  timestamptz,             -- when its lines were last read from Stripe, all of them
    CONSTRAINT payouts_currency CHECK (currency ~ '^[a-z]{3}$')
);
CREATE INDEX payouts_newest ON payouts (created_at DESC, id DESC);

-- Events --------------------------------------------------------------------------------------------------------------

CREATE TABLE stripe_events (
    id              text PRIMARY KEY,
    type            text NOT NULL,
    status          text NOT NULL,
    reason          text,            -- why, if ignored
    order_id        uuid,
    subject_id      text,            -- the session, payment or charge it is about, to find it when a link arrives
    api_version     text,
    livemode        boolean,
    created_at      timestamptz,     -- at Stripe
    received_at     timestamptz NOT NULL,
    applied_at      timestamptz,
    attempts        integer NOT NULL DEFAULT 1,
    next_attempt_at timestamptz,
    last_error      text,
    body_hash       bytea NOT NULL,
    CONSTRAINT stripe_events_status_known CHECK (status IN ('applied', 'ignored', 'failed', 'dead', 'dismissed')),
    CONSTRAINT stripe_events_reason_when_ignored CHECK ((status = 'ignored') = (reason IS NOT NULL))
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX stripe_events_newest ON stripe_events (received_at DESC, id DESC);
CREATE INDEX stripe_events_of_type ON stripe_events (type, status, received_at, id);
CREATE INDEX stripe_events_of_order ON stripe_events (order_id, received_at) WHERE order_id IS NOT NULL;
CREATE INDEX stripe_events_unapplied ON stripe_events (status, received_at DESC, id DESC) WHERE status <> 'applied';
CREATE INDEX stripe_events_due ON stripe_events (next_attempt_at) WHERE status = 'failed';
CREATE INDEX stripe_events_unowned ON stripe_events (received_at) WHERE order_id IS NULL;
CREATE INDEX stripe_events_orphans ON stripe_events (subject_id) WHERE reason = 'no_order';

-- Payloads are separate from their events: lists never read them, and retention drops whole partitions.
CREATE TABLE stripe_event_payloads (
    event_id    text NOT NULL,
    received_at timestamptz NOT NULL,
    payload     text NOT NULL,
    PRIMARY KEY (event_id, received_at)
) PARTITION BY RANGE (received_at);
-- Costs half as much as the compressed default (measured). Up to 8 KB a payload stays in its row, which saves two rows and index entries
-- elsewhere; partitions are dropped before anything in them is worth a vacuum.
ALTER TABLE stripe_event_payloads ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE TABLE stripe_event_payloads_default PARTITION OF stripe_event_payloads DEFAULT
    WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_threshold = -1);

-- The two functions that follow run as the owner of the tables, so that a daemon needs no right to create tables. Who may delete
-- matches of secrets may use them: a daemon may, an operator not, although erasing an order deletes its payloads.

-- Create the missing partitions of this week and the next weeks. A week that has rows in the default partition already stays there:
-- nothing is lost, but retention is slower.
CREATE FUNCTION ensure_payload_partitions(today date, weeks_ahead integer) RETURNS void LANGUAGE plpgsql AS $$
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
CREATE FUNCTION drop_payload_partition(keep_from timestamptz) RETURNS text LANGUAGE plpgsql AS $$
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

-- What this daemon saw and owes; not part of the state ----------------------------------------------------------------

CREATE TABLE order_changes (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    uuid NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    from_status text,
    to_status   text NOT NULL,
    cause       text NOT NULL,
    actor       text NOT NULL,
    note        text NOT NULL DEFAULT '',
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id()  -- shows readers which rows may still become visible behind them
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX order_changes_of_order ON order_changes (order_id, seq);
CREATE INDEX order_changes_by_xid ON order_changes (xid);
CREATE INDEX order_changes_by_time ON order_changes USING brin (at);
CREATE INDEX order_changes_by_operators ON order_changes (cause) WHERE actor LIKE '%@%';

-- A message on one channel: mail to the customer, alert to the operator, webhook to the shop's systems.
CREATE TABLE outbox (
    -- The webhook-id or Message-ID of every attempt. Its first 16 bits are those of the time, as in an order's id.
    id              uuid PRIMARY KEY DEFAULT
        overlay(gen_random_uuid()::text PLACING lpad(to_hex(extract(epoch FROM now())::bigint / 600 % 65536), 4, '0') FROM 1)::uuid,
    order_id        uuid,  -- null: about the whole shop
    kind            text NOT NULL,
    subject_id      text NOT NULL DEFAULT '',
    status          text NOT NULL DEFAULT 'queued',
    attempts        integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),  -- while claimed: when the lease ends
    sent_at         timestamptz,
    last_error      text,  -- the reason, if skipped
    channel         text NOT NULL,
    payload         text,  -- JSON; null if the facts suffice
    claim           uuid,  -- id of the current or last attempt
    endpoint        text,  -- for a webhook to one of webhook_endpoints, whose subject ends with @ and its name
    spread          boolean NOT NULL DEFAULT false,  -- whether messages for the endpoints or addresses were made from it
    due_at          timestamptz,  -- for an endpoint or address: when the next attempt is due; see hide_due_messages
    CONSTRAINT outbox_once UNIQUE NULLS NOT DISTINCT (order_id, kind, subject_id, channel),
    CONSTRAINT outbox_status_known CHECK (status IN ('queued', 'sent', 'failed', 'dead', 'skipped', 'dismissed')),
    CONSTRAINT outbox_channel_known CHECK (channel IN ('mail', 'alert', 'webhook'))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX outbox_of_channel ON outbox (channel, status, created_at DESC, id DESC);
CREATE INDEX outbox_of_kind ON outbox (kind, channel, status, created_at DESC, id DESC) WHERE kind <> 'order.completed';
CREATE INDEX outbox_due ON outbox (channel, next_attempt_at) WHERE status IN ('queued', 'failed');
CREATE INDEX outbox_to_owe_again ON outbox (order_id)
    WHERE status = 'skipped' AND kind = 'order.completed' AND last_error = 'the order is refunded by now';
CREATE INDEX outbox_due_of_endpoint ON outbox (endpoint, due_at) WHERE status IN ('queued', 'failed') AND endpoint IS NOT NULL;
CREATE INDEX outbox_to_spread ON outbox (channel)
    WHERE NOT spread AND attempts > 0 AND endpoint IS NULL AND channel IN ('webhook', 'alert');

-- A release that knows no endpoints sends whatever is due by next_attempt_at, to CHECKOUT_SHOP_WEBHOOK_URL with its secret, or as mail.
-- So a message for an endpoint or address is never due by that column, whoever writes it, but by due_at.
CREATE FUNCTION hide_due_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.due_at := NEW.next_attempt_at;
    NEW.next_attempt_at := '9999-01-01Z';
    RETURN NEW;
END $$;
CREATE TRIGGER outbox_due_hidden BEFORE INSERT OR UPDATE OF next_attempt_at ON outbox
    FOR EACH ROW WHEN (NEW.endpoint IS NOT NULL AND NEW.next_attempt_at < '9999-01-01Z') EXECUTE FUNCTION hide_due_messages();

-- The shop's systems that receive webhooks, besides that of CHECKOUT_SHOP_WEBHOOK_URL. Who reads this table can sign for the shop.
CREATE TABLE webhook_endpoints (
    name             text PRIMARY KEY,
    url              text NOT NULL,
    events           text[] NOT NULL DEFAULT '{}',  -- the kinds of messages; empty: all
    secret           text NOT NULL,
    old_secret       text,                          -- signs as well, until
    old_secret_until timestamptz,
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    disabled_at      timestamptz,
    disabled_why     text,
    failing_since    timestamptz,                   -- the first of the failures since the last success
    succeeded_at     timestamptz,
    CONSTRAINT webhook_endpoints_name_shape CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    CONSTRAINT webhook_endpoints_disabled_why CHECK ((disabled_at IS NULL) = (disabled_why IS NULL))
);

-- What a checkout or webhook writes has no foreign key. It is written together with its order, or placed under an order whose row the
-- transaction has locked and under a payment that it has written; a key would look for the same rows once more, six times an event
-- (docs/PERFORMANCE.md). The program deletes no order; these triggers delete what belongs to one that is deleted by hand.
CREATE FUNCTION delete_rows_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER orders_rows_deleted AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION delete_rows_of_order();

CREATE FUNCTION delete_observations_of_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM payment_observations WHERE payment_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_rows_deleted AFTER DELETE ON payments FOR EACH ROW EXECUTE FUNCTION delete_observations_of_payment();

-- Problems that the operator was alerted to and that still exist. Each is alerted once, whichever daemon sees it.
CREATE TABLE alerts (
    kind      text NOT NULL,
    subject   text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, subject)
);

-- The audit log and requests of operators -----------------------------------------------------------------------------

-- The audit log: append-only, one chain for each order, and one for what is about none: its order_id is the nil UUID. Each entry's hash
-- covers the previous one. Personal data has its own salted hash, so that the chain stays valid when an erasure blanks it.
CREATE TABLE operator_log (
    order_id      uuid NOT NULL,                    -- an order with audit entries cannot be deleted
    number        integer NOT NULL,                 -- 1, 2, … within the order
    at            timestamptz NOT NULL,
    kind          text NOT NULL,
    operator      text NOT NULL,                    -- user of the operating system
    host          text NOT NULL,
    details       text NOT NULL,                    -- canonical JSON, as hashed: the action; ids and amounts only
    before        text NOT NULL,                    -- canonical JSON: the order's state
    after         text NOT NULL,
    personal      text,                             -- canonical JSON: the note; null once erased
    salt          bytea,
    personal_hash bytea NOT NULL,
    prev_hash     bytea NOT NULL,
    hash          bytea NOT NULL,
    PRIMARY KEY (order_id, number),
    CONSTRAINT operator_log_number CHECK (number >= 1),
    CONSTRAINT operator_log_personal_with_salt CHECK ((personal IS NULL) = (salt IS NULL))
);
CREATE INDEX operator_log_newest ON operator_log (at DESC);

CREATE FUNCTION keep_operator_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.personal IS NULL AND NEW.salt IS NULL
        AND to_jsonb(NEW) - 'personal' - 'salt' = to_jsonb(OLD) - 'personal' - 'salt' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the operator log is append-only: only what names a person may be blanked' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER operator_log_kept BEFORE UPDATE OR DELETE ON operator_log FOR EACH ROW EXECUTE FUNCTION keep_operator_log();
CREATE TRIGGER operator_log_whole BEFORE TRUNCATE ON operator_log FOR EACH STATEMENT EXECUTE FUNCTION keep_operator_log();

-- The last entry of each order's chain, and the last entry that an anchor covers.
CREATE TABLE operator_log_heads (
    order_id uuid PRIMARY KEY,
    number   integer NOT NULL,
    hash     bytea NOT NULL,
    anchored integer NOT NULL DEFAULT 0,
    CONSTRAINT operator_log_heads_anchored CHECK (anchored BETWEEN 0 AND number)
);
CREATE INDEX operator_log_heads_loose ON operator_log_heads (order_id) WHERE anchored < number;

CREATE FUNCTION keep_logged_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM operator_log_heads WHERE order_id = OLD.id) THEN
        RAISE EXCEPTION 'order % has audit entries and cannot be deleted', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER orders_logged_kept BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep_logged_orders();

-- A chain over all chains: an anchor's hash covers the heads that moved since the last anchor, and that anchor's hash.
CREATE TABLE anchors (
    number    bigint PRIMARY KEY,
    at        timestamptz NOT NULL,
    prev_hash bytea NOT NULL,
    hash      bytea NOT NULL,
    key_id    text,                 -- id of the signing key; null: hashed only
    CONSTRAINT anchors_number CHECK (number >= 1)
);

CREATE TABLE anchored_heads (
    anchor   bigint NOT NULL REFERENCES anchors,
    order_id uuid NOT NULL,
    number   integer NOT NULL,
    hash     bytea NOT NULL,
    PRIMARY KEY (anchor, order_id)
);

-- A refund that an operator requested. It is written before Stripe is called, so that it can be finished after a crash. Its id is the
-- idempotency key.
CREATE TABLE refund_requests (
    id              uuid PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    payment_id      text NOT NULL,
    amount          bigint NOT NULL,
    currency        text NOT NULL,
    parameters      text NOT NULL,         -- JSON, frozen: sent at each try
    started_at      timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,  -- when a job resumes it, if there is no answer
    attempts        integer NOT NULL DEFAULT 0,
    answered_at     timestamptz,
    refund_id       text,                  -- Stripe's answer,
    error           text,                  -- or its refusal
    items           text,                  -- JSON, by items: [{"sku", "quantity", "amount"}, …]
    asked           bytea,                 -- hash of what a request over the API asked for, to tell a repeated one from another
    restock         boolean NOT NULL DEFAULT false,  -- whether its items go back into stock once Stripe has made it
    CONSTRAINT refund_requests_amount CHECK (amount > 0),
    CONSTRAINT refund_requests_answer CHECK ((answered_at IS NULL) = (num_nonnulls(refund_id, error) = 0))
);
-- One at a time: two concurrent requests could refund more than is left.
CREATE UNIQUE INDEX refund_requests_unanswered ON refund_requests (order_id) WHERE answered_at IS NULL;
CREATE INDEX refund_requests_due ON refund_requests (next_attempt_at) WHERE answered_at IS NULL;
CREATE INDEX refund_requests_of_order ON refund_requests (order_id, started_at);

-- What `checkout reconcile` found different from Stripe and did not apply, until it is applied or agrees.
CREATE TABLE drifts (
    order_id    uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    found_at    timestamptz NOT NULL DEFAULT now(),
    compared_at timestamptz NOT NULL DEFAULT now(),
    differences text NOT NULL  -- JSON: [object, field, value here, value at Stripe, whether it can be merged], …
);

-- Who takes care of what needs a person and is about no order: an event, a message, an order that is missing here.
CREATE TABLE item_care (
    item          text PRIMARY KEY,  -- kind:subject
    owner         text,
    snoozed_until timestamptz,
    note          text,              -- the last one, with who wrote it and when
    note_by       text,
    note_at       timestamptz,
    CONSTRAINT item_care_owner CHECK (length(owner) BETWEEN 1 AND 64)
);

-- An act that an operator requested for many orders, events or messages. Its items are done in sequence, by one process at a time.
CREATE TABLE batches (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act          text NOT NULL,
    options      text NOT NULL,  -- JSON: the act's parameters, the same for every item
    note         text NOT NULL,  -- blanked when the customer of one of its orders is erased
    operator     text NOT NULL,  -- user of the operating system
    host         text NOT NULL,
    livemode     boolean,        -- of the key; null: the act does not ask Stripe
    status       text NOT NULL DEFAULT 'running',
    why          text,           -- why it stopped
    total        integer NOT NULL,
    done         integer NOT NULL DEFAULT 0,
    failed       integer NOT NULL DEFAULT 0,
    skipped      integer NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    holder       text,           -- the process that runs it, until leased_until; a daemon continues a running batch after that
    leased_until timestamptz,
    CONSTRAINT batches_act_known CHECK (act IN (
        'refund', 'resend', 'expire', 'cancel', 'sync', 'ack', 'note', 'replay_events', 'replay_messages')),
    CONSTRAINT batches_status_known CHECK (status IN ('running', 'stopped', 'finished'))
);
CREATE INDEX batches_running ON batches (number) WHERE status = 'running';

CREATE TABLE batch_items (
    batch     bigint NOT NULL REFERENCES batches ON DELETE CASCADE,
    position  integer NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),  -- of the refund request
    subject   text NOT NULL,  -- an order's number, or the id of an event or message
    order_id  uuid REFERENCES orders ON DELETE CASCADE,
    object_id text,           -- the payment or session that is meant
    amount    bigint,
    currency  text,
    status    text NOT NULL DEFAULT 'waiting',
    kind      text,           -- of a failure: the error without ids and amounts
    outcome   text,
    attempts  integer NOT NULL DEFAULT 0,
    begun_at  timestamptz,
    ended_at  timestamptz,
    PRIMARY KEY (batch, position),
    CONSTRAINT batch_items_status_known CHECK (status IN ('waiting', 'done', 'failed', 'skipped'))
);
CREATE UNIQUE INDEX batch_items_once_each ON batch_items (batch, subject, object_id) NULLS NOT DISTINCT;
CREATE INDEX batch_items_waiting ON batch_items (batch, position) WHERE status = 'waiting';
CREATE INDEX batch_items_failed ON batch_items (batch, kind) WHERE status = 'failed';
CREATE INDEX batch_items_of_order ON batch_items (order_id) WHERE order_id IS NOT NULL;

-- Attempts that Stripe answered with a 5xx or not at all. A job checks for a day whether Stripe made a session after all.
CREATE TABLE doubtful_attempts (
    order_id  uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    attempt   integer NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    looked_at timestamptz,  -- when the sessions at Stripe were last searched
    closed_at timestamptz,  -- given up: no session was made
    PRIMARY KEY (order_id, attempt)
);
CREATE INDEX doubtful_attempts_open ON doubtful_attempts (since) WHERE closed_at IS NULL;

-- The id of this shop in the metadata at Stripe, because several shops may share an account. Backups include it.
CREATE TABLE shop_identity (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
CREATE UNIQUE INDEX shop_identity_one ON shop_identity ((true));
INSERT INTO shop_identity DEFAULT VALUES;

-- Completed sessions whose order does not exist: a restore lost it. `checkout orders recover` brings it back.
CREATE TABLE missing_orders (
    session_id   text PRIMARY KEY,
    order_id     uuid NOT NULL,
    number       bigint,  -- the order's, if the metadata has it
    livemode     boolean NOT NULL,
    amount_total bigint,
    currency     text,
    seen_at      timestamptz NOT NULL DEFAULT now()
);

-- Progress of long tasks, each with a lease: one process at a time runs a task, until its lease ends.
CREATE TABLE cursors (
    name         text PRIMARY KEY,
    value        text,         -- progress as JSON; null: not started
    holder       text,
    leased_until timestamptz,
    updated_at   timestamptz NOT NULL DEFAULT now()
);

-- Bearer tokens of the shop's own systems. The secret half of a token is never stored.
CREATE TABLE api_tokens (
    id           text PRIMARY KEY,      -- the public half of the token
    name         text NOT NULL,         -- as the audit log names who acts with it
    scopes       text[] NOT NULL,
    secret_hash  bytea NOT NULL,        -- SHA-256 of the secret half, which is random
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,           -- to the minute
    revoked_at   timestamptz,
    revoked_by   text,
    CONSTRAINT api_tokens_name_shape CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    CONSTRAINT api_tokens_scopes_known CHECK (scopes <> '{}' AND scopes <@ ARRAY['orders:read', 'orders:write']),
    CONSTRAINT api_tokens_revoked_by CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX api_tokens_in_use ON api_tokens (name) WHERE revoked_at IS NULL;

-- Deliveries that each webhook secret signed, by hour. Shows during a rotation whether the old secret is still in use.
CREATE TABLE secret_matches (
    fingerprint text        NOT NULL, -- of the secret; the secret is never stored
    hour        timestamptz NOT NULL,
    matches     bigint      NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (fingerprint, hour)
);

-- Our Stripe account, by the mode of the key. Events that name another account make no facts.
CREATE TABLE stripe_accounts (
    livemode  boolean PRIMARY KEY,
    id        text NOT NULL,
    learnt_at timestamptz NOT NULL DEFAULT now()
);

-- Operators and proposals ---------------------------------------------------------------------------------------------

-- Who may do what. Without a row, everybody who reaches the database may act; with one, only operators do.
CREATE TABLE operators (
    name          text PRIMARY KEY,             -- as the audit log names them
    role          text NOT NULL,                -- each may do what those before it may: view, act, refund, approve, admin
    limits        jsonb NOT NULL DEFAULT '{}',  -- {"eur": 5000}: what they refund of one order without approval, in minor units
    os_user   text,                         -- by what they are recognized: the user of the operating system,
    token         text,                         -- the name of an API token,
    database_role text,                         -- or the login at the database, which binds the session
    created_by    text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    disabled_by   text,
    CONSTRAINT operators_name_shape CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,39}$' AND name <> 'checkout-daemon'),
    CONSTRAINT operators_role_known CHECK (role IN ('view', 'act', 'refund', 'approve', 'admin')),
    CONSTRAINT operators_limits_object CHECK (jsonb_typeof(limits) = 'object'),
    CONSTRAINT operators_recognized CHECK (num_nonnulls(os_user, token, database_role) > 0),
    CONSTRAINT operators_disabled_by CHECK ((disabled_at IS NULL) = (disabled_by IS NULL))
);
CREATE UNIQUE INDEX operators_os_user ON operators (os_user) WHERE disabled_at IS NULL;
CREATE UNIQUE INDEX operators_token ON operators (token) WHERE disabled_at IS NULL;
CREATE UNIQUE INDEX operators_database_role ON operators (database_role) WHERE disabled_at IS NULL;

-- What somebody may not do alone, until another operator decides.
CREATE TABLE proposals (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          uuid NOT NULL UNIQUE,      -- of the refund request that it leads to
    act         text NOT NULL,
    order_id    uuid REFERENCES orders ON DELETE CASCADE,  -- null: of a batch
    batch       bigint UNIQUE REFERENCES batches ON DELETE CASCADE,
    payment_id  text,
    amount      bigint,                    -- in minor units; of a batch: the sum
    currency    text,
    items       text,                      -- JSON, as of a refund request
    reason      text,                      -- of a refund, for Stripe
    restock     boolean NOT NULL DEFAULT false,  -- whether its items go back into stock
    note        text NOT NULL DEFAULT '',  -- blanked when the order's customer is erased
    state       text NOT NULL,             -- of the order or orders when it was proposed: see proposal_state
    proposed_by text NOT NULL,
    host        text NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    status      text NOT NULL DEFAULT 'open',
    decided_by  text,
    decided_at  timestamptz,
    outcome     text,                      -- why it failed
    CONSTRAINT proposals_act_known CHECK (act IN ('refund', 'cancel', 'batch')),
    CONSTRAINT proposals_status_known CHECK (status IN ('open', 'approved', 'rejected', 'failed')),
    CONSTRAINT proposals_subject CHECK ((act = 'batch') = (batch IS NOT NULL) AND (act = 'batch') = (order_id IS NULL)),
    CONSTRAINT proposals_refund CHECK (act <> 'refund' OR (payment_id IS NOT NULL AND amount > 0 AND currency IS NOT NULL)),
    CONSTRAINT proposals_decided CHECK ((status = 'open') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT proposals_two_people CHECK (status NOT IN ('approved', 'failed') OR decided_by <> proposed_by)
);
CREATE INDEX proposals_open ON proposals (expires_at) WHERE status = 'open';
CREATE INDEX proposals_approved ON proposals (number) WHERE status = 'approved';
CREATE INDEX proposals_of_order ON proposals (order_id) WHERE order_id IS NOT NULL;

ALTER TABLE refund_requests ADD COLUMN operator text, ADD COLUMN proposal bigint REFERENCES proposals;
CREATE INDEX refund_requests_of_proposal ON refund_requests (proposal) WHERE proposal IS NOT NULL;

-- The rules of operators, for whoever writes: this program, an older release, psql. A session whose login is an operator's is bound to that
-- operator, whatever it claims. Other logins may act for those they name: the owner and the daemon, who may delete refund requests. Once one
-- operator has a login, no login besides may act.
CREATE FUNCTION bound_operator() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    own text;
BEGIN
    SELECT name INTO own FROM operators WHERE database_role = session_user AND disabled_at IS NULL;
    IF own IS NULL AND NOT has_table_privilege(session_user, 'refund_requests', 'DELETE')
        AND EXISTS (SELECT FROM operators WHERE database_role IS NOT NULL) THEN
        RAISE EXCEPTION 'the database user % is not the login of an operator: `checkout operators list` shows them', session_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN own;
END $$;

CREATE FUNCTION has_operator_role(the_name text, the_role text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM operators WHERE disabled_at IS NULL) OR EXISTS (
        SELECT FROM operators WHERE name = the_name AND disabled_at IS NULL
            AND array_position(ARRAY['view', 'act', 'refund', 'approve', 'admin'], role)
                >= array_position(ARRAY['view', 'act', 'refund', 'approve', 'admin'], the_role))
$$;

CREATE FUNCTION proposal_state(the_order uuid, the_batch bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN the_batch IS NULL THEN
        (SELECT status || ' ' || amount_refunded FROM orders WHERE id = the_order)
    ELSE
        (SELECT encode(sha256(convert_to(string_agg(orders.id || ' ' || orders.status || ' ' || amount_refunded, ','
                                                    ORDER BY position), 'UTF8')), 'hex')
         FROM batch_items JOIN orders ON orders.id = batch_items.order_id WHERE batch = the_batch)
    END
$$;

-- An operator's refund request keeps to their limit, or carries out an approved proposal. What the daemon itself gives back is no
-- operator's: what was paid too late, or has an early fraud warning.
CREATE FUNCTION check_refund_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own   text := bound_operator();
    most  bigint;
    spent bigint;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF own IS NOT NULL AND (NEW.id, NEW.order_id, NEW.payment_id, NEW.amount, NEW.currency, NEW.parameters, NEW.operator, NEW.proposal)
            IS DISTINCT FROM (OLD.id, OLD.order_id, OLD.payment_id, OLD.amount, OLD.currency, OLD.parameters, OLD.operator, OLD.proposal) THEN
            RAISE EXCEPTION 'refund request % cannot be changed', OLD.id USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF own IS NOT NULL THEN
        NEW.operator := coalesce(NEW.operator, own);
        IF NEW.operator <> own THEN
            RAISE EXCEPTION '% cannot request a refund as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF (NEW.parameters::jsonb ->> 'amount')::bigint IS DISTINCT FROM NEW.amount
            OR coalesce(NEW.parameters::jsonb ->> 'payment_intent', NEW.parameters::jsonb ->> 'charge') IS DISTINCT FROM NEW.payment_id
            OR NEW.parameters::jsonb - ARRAY['amount', 'payment_intent', 'charge', 'metadata', 'reason'] <> '{}' THEN
            RAISE EXCEPTION 'the parameters of refund request % are not its amount and payment', NEW.id
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    IF NEW.proposal IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM proposals LEFT JOIN batch_items AS item ON item.batch = proposals.batch AND item.id = NEW.id
            WHERE number = NEW.proposal AND proposals.status = 'approved'
                AND coalesce(item.order_id, proposals.order_id) = NEW.order_id
                AND coalesce(item.object_id, proposals.payment_id) = NEW.payment_id
                AND CASE WHEN act = 'batch' THEN item.amount ELSE proposals.amount END = NEW.amount
                AND coalesce(item.currency, proposals.currency) = NEW.currency AND (act = 'batch' OR proposals.id = NEW.id)) THEN
            RAISE EXCEPTION 'proposal % does not allow this refund', NEW.proposal USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM operators WHERE disabled_at IS NULL) THEN
        RETURN NEW;
    END IF;
    -- The daemon itself gives back what was paid too late.
    IF own IS NULL AND NEW.operator = 'checkout-daemon' THEN
        RETURN NEW;
    END IF;
    IF NEW.operator IS NULL OR NOT has_operator_role(NEW.operator, 'refund') THEN
        RAISE EXCEPTION '% may not refund', coalesce(NEW.operator, 'who is no operator') USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- An admin without limits has none.
    SELECT coalesce((limits ->> NEW.currency)::bigint, CASE WHEN role = 'admin' AND limits = '{}' THEN NULL ELSE 0 END) INTO most
    FROM operators WHERE name = NEW.operator;
    -- What counts as refused, and was made all the same, was spent.
    SELECT coalesce(sum(amount), 0) INTO spent FROM refund_requests AS asked
    WHERE order_id = NEW.order_id AND operator = NEW.operator AND currency = NEW.currency AND proposal IS NULL
        AND (error IS NULL OR EXISTS (
            SELECT FROM refunds WHERE payment_id = asked.payment_id AND request_id = asked.id::text AND status NOT IN ('canceled', 'failed')));
    IF spent + NEW.amount > most THEN
        RAISE EXCEPTION '% may refund % % of an order, and this would be %: propose it', NEW.operator, most, NEW.currency, spent + NEW.amount
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_requests_allowed BEFORE INSERT OR UPDATE OF id, order_id, payment_id, amount, currency, parameters, operator, proposal
    ON refund_requests FOR EACH ROW EXECUTE FUNCTION check_refund_request();

-- An answer is final: a request that counts as refused does not count towards a limit.
CREATE FUNCTION check_refund_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.answered_at IS NOT NULL AND bound_operator() IS NOT NULL AND (NEW.answered_at, NEW.refund_id, NEW.error)
        IS DISTINCT FROM (OLD.answered_at, OLD.refund_id, OLD.error) THEN
        RAISE EXCEPTION 'refund request % is answered: its answer cannot be changed', OLD.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_requests_answered_once BEFORE UPDATE OF answered_at, refund_id, error
    ON refund_requests FOR EACH ROW EXECUTE FUNCTION check_refund_answer();

-- What the items of a batch of refunds come to, by currency.
CREATE FUNCTION batch_sums(the_batch bigint, OUT sum_currency text, OUT sum_amount bigint) RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT currency, sum(amount)::bigint FROM batch_items WHERE batch = the_batch AND status <> 'skipped' GROUP BY currency
$$;

CREATE FUNCTION check_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
    the_sum bigint;
    its_currency text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.proposed_by IS DISTINCT FROM coalesce(own, NEW.proposed_by) OR NOT has_operator_role(NEW.proposed_by, 'act') THEN
            RAISE EXCEPTION '% cannot propose as %', coalesce(own, 'nobody'), NEW.proposed_by USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'a proposal begins open' USING ERRCODE = 'insufficient_privilege';
        END IF;
        NEW.state := proposal_state(NEW.order_id, NEW.batch);
        IF NEW.act = 'batch' THEN  -- its sum is what its items come to, whatever it claims; two currencies have none
            SELECT min(sum_amount), min(sum_currency) INTO NEW.amount, NEW.currency FROM batch_sums(NEW.batch) HAVING count(*) = 1;
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - ARRAY['status', 'decided_by', 'decided_at', 'outcome', 'note']
        <> to_jsonb(OLD) - ARRAY['status', 'decided_by', 'decided_at', 'outcome', 'note'] THEN
        RAISE EXCEPTION 'proposal % cannot be changed, only decided', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- It is blanked when the order's customer is erased.
    IF NEW.note NOT IN (OLD.note, '') THEN
        RAISE EXCEPTION 'the note of proposal % cannot be changed', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = OLD.status THEN
        IF (NEW.decided_by, NEW.decided_at, NEW.outcome) IS DISTINCT FROM (OLD.decided_by, OLD.decided_at, OLD.outcome) THEN
            RAISE EXCEPTION 'proposal % is decided', OLD.number USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) = ('approved', 'failed') AND NEW.decided_by = OLD.decided_by AND coalesce(own, OLD.decided_by) = OLD.decided_by THEN
        RETURN NEW;
    END IF;
    IF OLD.status <> 'open' OR NEW.status NOT IN ('approved', 'rejected') THEN
        RAISE EXCEPTION 'proposal % is % already', OLD.number, OLD.status USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.decided_by IS DISTINCT FROM coalesce(own, NEW.decided_by) THEN
        RAISE EXCEPTION '% cannot decide as %', own, NEW.decided_by USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = 'approved' AND NEW.decided_by = OLD.proposed_by THEN
        RAISE EXCEPTION 'proposal % was made by %: another operator must approve it', OLD.number, OLD.proposed_by
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.decided_by <> OLD.proposed_by AND NOT has_operator_role(NEW.decided_by, 'approve') THEN
        RAISE EXCEPTION '% may not decide about proposals', NEW.decided_by USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = 'approved' AND OLD.expires_at <= now() THEN
        RAISE EXCEPTION 'proposal % has expired', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = 'approved' AND OLD.state IS DISTINCT FROM proposal_state(OLD.order_id, OLD.batch) THEN
        RAISE EXCEPTION 'what proposal % is about has changed since: propose it again', OLD.number
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT min(sum_amount), min(sum_currency) INTO the_sum, its_currency FROM batch_sums(OLD.batch) HAVING count(*) = 1;
    IF NEW.status = 'approved' AND OLD.act = 'batch' AND (OLD.amount, OLD.currency) IS DISTINCT FROM (the_sum, its_currency) THEN
        RAISE EXCEPTION 'the refunds of batch % come to another sum than proposal % names: propose it again', OLD.batch, OLD.number
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER proposals_allowed BEFORE INSERT OR UPDATE ON proposals FOR EACH ROW EXECUTE FUNCTION check_proposal();

CREATE FUNCTION check_log_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF NEW.operator <> own OR (own IS NOT NULL AND NOT has_operator_role(own, 'act')) THEN
        RAISE EXCEPTION '% cannot write to the audit log as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER operator_log_own BEFORE INSERT ON operator_log FOR EACH ROW EXECUTE FUNCTION check_log_entry();

-- A daemon continues batches in the name that they have: a bound session can neither borrow a name nor change what another asked for.
CREATE FUNCTION check_batch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF NEW.operator <> own AND TG_OP = 'INSERT' THEN
        RAISE EXCEPTION '% cannot start a batch as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' AND own IS NOT NULL AND (NEW.act, NEW.options, NEW.operator, NEW.host, NEW.created_at)
        IS DISTINCT FROM (OLD.act, OLD.options, OLD.operator, OLD.host, OLD.created_at) THEN
        RAISE EXCEPTION 'batch % cannot be changed', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'INSERT' AND own IS NOT NULL THEN
        NEW.created_at := now();  -- by which its items are known to be made with it
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER batches_own BEFORE INSERT OR UPDATE OF act, options, operator, host, created_at ON batches
    FOR EACH ROW EXECUTE FUNCTION check_batch();

-- A batch of refunds runs if its sum is within the limit of its operator, or another one has approved it.
CREATE FUNCTION check_batch_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    above record;
BEGIN
    IF bound_operator() IS NULL OR NEW.act <> 'refund'
        OR NOT EXISTS (SELECT FROM batches WHERE number = NEW.number AND status = 'running')
        OR EXISTS (SELECT FROM proposals WHERE batch = NEW.number AND status = 'approved') THEN
        RETURN NULL;
    END IF;
    SELECT sum_currency, sum_amount INTO above
    FROM batch_sums(NEW.number) CROSS JOIN operators
    WHERE operators.name = NEW.operator
        AND (sum_amount IS NULL OR sum_currency IS NULL
             OR sum_amount > coalesce((limits ->> sum_currency)::bigint, CASE WHEN role = 'admin' AND limits = '{}' THEN sum_amount ELSE 0 END))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the refunds of batch % come to % %, which is above the limit of %: propose it', NEW.number, above.sum_amount,
            above.sum_currency, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
-- At the end of the transaction, which writes a batch, its items and perhaps a proposal.
CREATE CONSTRAINT TRIGGER batches_within_limits AFTER INSERT OR UPDATE OF status ON batches DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_batch_sum();

CREATE FUNCTION check_batch_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF own IS NOT NULL AND (
        CASE TG_OP WHEN 'INSERT' THEN
            NOT EXISTS (SELECT FROM batches WHERE number = NEW.batch AND operator = own AND created_at = now())
            OR EXISTS (SELECT FROM proposals WHERE batch = NEW.batch)
            OR NEW.status <> 'skipped' AND (NEW.amount IS NULL OR NEW.amount < 0 OR NEW.currency IS NULL)
                AND EXISTS (SELECT FROM batches WHERE number = NEW.batch AND act = 'refund')
        ELSE
            (OLD.status = 'skipped' AND NEW.status <> 'skipped') OR (NEW.batch, NEW.id, NEW.subject, NEW.order_id, NEW.object_id, NEW.amount, NEW.currency)
            IS DISTINCT FROM (OLD.batch, OLD.id, OLD.subject, OLD.order_id, OLD.object_id, OLD.amount, OLD.currency)
        END) THEN
        RAISE EXCEPTION 'the items of batch % cannot be changed', NEW.batch USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
-- After the statement, because one writes a batch and its items.
CREATE CONSTRAINT TRIGGER batch_items_own AFTER INSERT OR UPDATE OF batch, id, subject, order_id, object_id, amount, currency, status
    ON batch_items FOR EACH ROW EXECUTE FUNCTION check_batch_item();

-- A token acts for its operator, and an operator's row decides who may do what.
CREATE FUNCTION check_administration() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF own IS NOT NULL AND NOT has_operator_role(own, 'admin') THEN
        RAISE EXCEPTION '% may not change %: an admin does', own, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER operators_by_admins BEFORE INSERT OR UPDATE ON operators FOR EACH ROW EXECUTE FUNCTION check_administration();
CREATE TRIGGER api_tokens_by_admins
    BEFORE INSERT OR UPDATE OF id, name, scopes, secret_hash, created_by, created_at, expires_at, revoked_at, revoked_by ON api_tokens
    FOR EACH ROW EXECUTE FUNCTION check_administration();

-- Neither a temporary table nor a table of another schema may take the place of ours.
DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['bound_operator()', 'has_operator_role(text, text)', 'proposal_state(uuid, bigint)', 'check_refund_request()',
        'check_refund_answer()', 'batch_sums(bigint)', 'check_batch_sum()', 'check_proposal()', 'check_log_entry()', 'check_batch()', 'check_batch_item()', 'check_administration()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', ours, current_schema());
    END LOOP;
END $$;

-- Answering disputes -------------------------------------------------------------------------------------------------

-- The draft of a dispute's evidence, and what operators asked of Stripe about disputes.
CREATE TABLE dispute_drafts (
    dispute_id text NOT NULL,
    livemode   boolean NOT NULL,
    order_id   uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    texts      text,                  -- JSON: {"customer_name": …}; null: discarded or erased
    saved_by   text NOT NULL,
    saved_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dispute_id, livemode)
);
CREATE INDEX dispute_drafts_of_order ON dispute_drafts (order_id);

-- It is written before Stripe is called, so that it can be finished after a crash. Its id is the idempotency key.
CREATE TABLE dispute_requests (
    id              uuid PRIMARY KEY,
    dispute_id      text NOT NULL,
    livemode        boolean NOT NULL,
    order_id        uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    act             text NOT NULL,
    texts           text,                  -- JSON, frozen: the evidence; null of an acceptance, and once it was erased
    receipt         bytea,                 -- PDF, frozen; null: none
    receipt_file    text,                  -- Stripe's id of it (file_), once it is uploaded
    started_at      timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,  -- when a job resumes it, if there is no answer
    attempts        integer NOT NULL DEFAULT 0,
    tries           integer NOT NULL DEFAULT 0,  -- answers of 5xx so far: each makes its key useless
    operator        text NOT NULL,
    answered_at     timestamptz,
    status          text,                  -- the dispute's, in Stripe's answer,
    error           text,                  -- or Stripe's refusal
    shown_status    text,                  -- the dispute's when the operator confirmed it: nothing is sent under another
    CONSTRAINT dispute_requests_act_known CHECK (act IN ('stage', 'submit', 'accept')),
    CONSTRAINT dispute_requests_evidence CHECK (act <> 'accept' OR (texts IS NULL AND receipt IS NULL)),
    CONSTRAINT dispute_requests_answer CHECK ((answered_at IS NULL) = (num_nonnulls(status, error) = 0)),
    CONSTRAINT dispute_requests_frozen CHECK (act = 'accept' OR texts IS NOT NULL OR answered_at IS NOT NULL)
);
-- One at a time: Stripe takes one submission.
CREATE UNIQUE INDEX dispute_requests_unanswered ON dispute_requests (dispute_id, livemode) WHERE answered_at IS NULL;
CREATE INDEX dispute_requests_due ON dispute_requests (next_attempt_at) WHERE answered_at IS NULL;
CREATE INDEX dispute_requests_of_order ON dispute_requests (order_id, started_at);
CREATE INDEX dispute_requests_of_dispute ON dispute_requests (dispute_id, started_at);

-- As for refund requests: an operator with a login of their own asks in their own name, and only if their role lets them act.
CREATE FUNCTION check_dispute_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF own IS NULL THEN
            RETURN NEW;
        END IF;
        IF NOT has_operator_role(own, 'act') THEN
            RAISE EXCEPTION '% may not answer disputes', own USING ERRCODE = 'insufficient_privilege';
        END IF;
        -- What is erased with its customer may go once there is an answer; the uploaded file is recorded once.
        IF (NEW.id, NEW.dispute_id, NEW.livemode, NEW.order_id, NEW.act, NEW.operator, NEW.started_at, NEW.shown_status)
                IS DISTINCT FROM
                (OLD.id, OLD.dispute_id, OLD.livemode, OLD.order_id, OLD.act, OLD.operator, OLD.started_at, OLD.shown_status)
            OR (NEW.texts IS DISTINCT FROM OLD.texts AND (NEW.texts IS NOT NULL OR OLD.answered_at IS NULL))
            OR (NEW.receipt IS DISTINCT FROM OLD.receipt AND (NEW.receipt IS NOT NULL OR OLD.answered_at IS NULL))
            OR (OLD.receipt_file IS NOT NULL AND NEW.receipt_file IS DISTINCT FROM OLD.receipt_file)
            OR NEW.attempts NOT IN (OLD.attempts, OLD.attempts + 1) OR NEW.tries NOT IN (OLD.tries, OLD.tries + 1)
            OR (NEW.next_attempt_at IS DISTINCT FROM OLD.next_attempt_at AND NEW.next_attempt_at > now() + interval '1 day')
            OR (OLD.answered_at IS NOT NULL AND (NEW.answered_at, NEW.status) IS DISTINCT FROM (OLD.answered_at, OLD.status))
            OR (OLD.answered_at IS NOT NULL AND NEW.error IS DISTINCT FROM OLD.error
                AND (OLD.error IS NULL OR NEW.error IS DISTINCT FROM 'erased'))
        THEN
            RAISE EXCEPTION 'dispute request % cannot be changed', OLD.id USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF own IS NOT NULL AND NEW.operator <> own THEN
        RAISE EXCEPTION '% cannot answer a dispute as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT has_operator_role(NEW.operator, 'act') THEN
        RAISE EXCEPTION '% may not answer disputes', NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_requests_allowed BEFORE INSERT OR UPDATE ON dispute_requests
    FOR EACH ROW EXECUTE FUNCTION check_dispute_request();

CREATE FUNCTION check_dispute_draft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF (NEW.saved_by <> own AND NEW.texts IS NOT NULL) OR (own IS NOT NULL AND NOT has_operator_role(own, 'act')) THEN
        RAISE EXCEPTION '% cannot save evidence as %', own, NEW.saved_by USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_drafts_allowed BEFORE INSERT OR UPDATE ON dispute_drafts FOR EACH ROW EXECUTE FUNCTION check_dispute_draft();

DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['check_dispute_request()', 'check_dispute_draft()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', ours, current_schema());
    END LOOP;
END $$;

-- Merging facts -------------------------------------------------------------------------------------------------------
-- ledger/merge.py calls one function to lock and load, and one to write. They hold no rules: joins and derivation are in Python. They
-- are functions because each statement of a VOLATILE function sees what was committed before it began, which reading under locks needs,
-- and because their plans are kept: planning a statement with arrays takes longer than running it.

-- Return the cells of one column as database/cells.py encodes it: each cell ends with U+001F, and U+001E is null.
CREATE FUNCTION cells(list text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT trim_array(string_to_array(list, E'\x1f', E'\x1e'), 1)
$$;

-- Lock nodes by the hashes of their ids (ascending), and the orders that are named or linked to them by id. Return everything stored
-- about these, each kind as a JSON array of arrays, or null for none; it is read once all is locked. Lists come as cells, or null if empty.
-- `unnamed`: some update names no order, so links are read once before the first order is locked. `event_ids`: events to look for; if all
-- are stored, no order is locked and nothing else is returned.
CREATE FUNCTION load_facts(
    lock_keys text, nodes text, named text, unnamed boolean, event_ids text,
    OUT stored_events json, OUT locked_orders json, OUT held_links json, OUT held_sessions json, OUT held_payments json,
    OUT held_observations json, OUT held_refunds json, OUT held_disputes json, OUT held_hints json, OUT held_canceled json,
    OUT held_acts json
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    looked_for text[] := cells(event_ids);
    given text[] := coalesce(cells(nodes), '{}') || coalesce(cells(named), '{}');
    wanted uuid[] := coalesce(cells(named)::uuid[], '{}');
    locked uuid[] := '{}';
    connected text[];
    linked uuid[];
    payment_ids text[];
BEGIN
    PERFORM pg_advisory_xact_lock(lock_key) FROM unnest(cells(lock_keys)::bigint[]) AS lock_key;
    IF looked_for IS NOT NULL THEN
        -- After the locks: a transaction that was storing a copy of an event has named the same nodes, and is done.
        SELECT json_agg(json_build_array(stored.id, encode(stored.body_hash, 'hex'))) INTO stored_events
        FROM stripe_events AS stored WHERE stored.id = ANY(looked_for);
        IF json_array_length(stored_events) = cardinality(looked_for) THEN
            RETURN;  -- nothing is new
        END IF;
    END IF;
    LOOP
        IF wanted <> '{}' AND NOT unnamed THEN
            locked := locked || wanted;
            SELECT json_agg(json_build_array(placed.id, placed.number, placed.amount_total, placed.currency, placed.livemode,
                                             placed.status, placed.attention, placed.amount_refunded, placed.paid_at))
            INTO locked_orders
            FROM (
                SELECT id, number, amount_total, currency, livemode, status, attention, amount_refunded, paid_at
                FROM orders WHERE id = ANY(locked) ORDER BY id FOR NO KEY UPDATE
            ) AS placed;
        END IF;
        -- Everything connected, also through orders: an order is only right with all of its sessions and payments. OFFSET 0 makes the
        -- planner use the index, whatever number of rows it expects.
        WITH RECURSIVE reached (node) AS (
            SELECT unnest(given)
            UNION
            SELECT near.node
            FROM reached
            CROSS JOIN LATERAL (
                SELECT target_id AS node FROM links WHERE source_id = reached.node
                UNION ALL
                SELECT source_id AS node FROM links WHERE target_id = reached.node
                OFFSET 0
            ) AS near
        ), held AS MATERIALIZED (
            SELECT link.source_id, link.target_id, link.rank
            FROM reached
            CROSS JOIN LATERAL (SELECT source_id, target_id, rank FROM links WHERE source_id = reached.node OFFSET 0) AS link
        )
        SELECT (SELECT array_agg(node) FROM reached),
               (SELECT json_agg(json_build_array(source_id, target_id, rank)) FROM held),
               (SELECT array_agg(DISTINCT target_id::uuid) FROM held WHERE rank <> 3)
        INTO connected, held_links, linked;
        wanted := wanted || linked;
        EXIT WHEN wanted <@ locked;
        wanted := ARRAY(SELECT unnest(wanted) EXCEPT SELECT unnest(locked));
        unnamed := false;
    END LOOP;

    SELECT json_agg(json_build_array(
        json_build_array(id, livemode, status, outcome, attempt, url, expires_at, known_at,
                         CASE WHEN unknown_at IS NOT NULL THEN json_build_array(unknown_at, unknown_words) END),
        order_id))
    INTO held_sessions
    FROM checkout_sessions WHERE order_id = ANY(locked) OR id = ANY(connected);
    SELECT array_agg(id), json_agg(json_build_array(id, order_id)) INTO payment_ids, held_payments
    FROM payments WHERE order_id = ANY(locked) OR id = ANY(connected);
    IF payment_ids IS NOT NULL THEN
        SELECT json_agg(json_build_array(payment_id, amount, currency, livemode, paid_at)) INTO held_observations
        FROM payment_observations WHERE payment_id = ANY(payment_ids);
        SELECT json_agg(json_build_array(
            id, livemode, payment_id, status, amount, currency, request_id, known_at,
            CASE WHEN unknown_at IS NOT NULL THEN json_build_array(unknown_at, unknown_words) END))
        INTO held_refunds
        FROM refunds WHERE payment_id = ANY(payment_ids);
        SELECT json_agg(json_build_array(id, livemode, payment_id, status, due_by, amount, currency, reason, observed_at, event_id,
                                         unknown_words, withdrawn_at, reinstated_at, network_reason, has_evidence, submission_count,
                                         past_due))
        INTO held_disputes
        FROM disputes WHERE payment_id = ANY(payment_ids);
        SELECT json_agg(json_build_array(charge_id, livemode, payment_id, amount_refunded, observed_at, event_id)) INTO held_hints
        FROM refund_hints WHERE payment_id = ANY(payment_ids);
    END IF;
    SELECT json_agg(json_build_array(id, canceled_at)) INTO held_canceled FROM canceled_payments WHERE id = ANY(connected);
    IF locked <> '{}' THEN
        SELECT json_agg(json_build_array(act.order_id, json_build_array(act.kind, act.reason, act.subject))) INTO held_acts
        FROM (
            SELECT order_id, kind, reason, subject FROM acts WHERE order_id = ANY(locked) AND kind NOT IN ('noted', 'shipped')
            UNION ALL
            SELECT order_id, 'closed', 'refund', id::text FROM refund_requests WHERE order_id = ANY(locked) AND error IS NOT NULL
            UNION ALL
            SELECT order_id, 'closed', 'session', attempt::text FROM doubtful_attempts
            WHERE order_id = ANY(locked) AND closed_at IS NOT NULL
        ) AS act;
    END IF;
END $$;

-- Write what follows from a merge, then notify once. Each argument holds the rows of one table, its columns separated by U+001D; null: no
-- rows. Rows come sorted by key, so that concurrent writers do not
-- deadlock. Return the ids of the events stored; one that is stored already stays as it is.
CREATE FUNCTION record_facts(
    new_links text, new_payments text, new_sessions text, new_observations text, new_refunds text, new_disputes text, new_hints text,
    new_canceled text, new_acts text, new_states text, new_changes text, new_messages text, adopted text, new_events text,
    payloads text, notified text
) RETURNS text[] LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    part text[];
    stored text[];
BEGIN
    IF new_links IS NOT NULL THEN
        part := string_to_array(new_links, E'\x1d');
        INSERT INTO links (source_id, target_id, rank)
        SELECT * FROM unnest(cells(part[1]), cells(part[2]), cells(part[3])::smallint[])
        ON CONFLICT (source_id, target_id) DO UPDATE SET rank = least(links.rank, excluded.rank);
    END IF;
    IF new_payments IS NOT NULL THEN  -- before the facts that refer to them
        part := string_to_array(new_payments, E'\x1d');
        INSERT INTO payments (id, order_id)
        SELECT * FROM unnest(cells(part[1]), cells(part[2])::uuid[])
        ON CONFLICT (id) DO UPDATE SET order_id = excluded.order_id WHERE payments.order_id IS DISTINCT FROM excluded.order_id;
    END IF;
    IF new_sessions IS NOT NULL THEN
        part := string_to_array(new_sessions, E'\x1d');
        INSERT INTO checkout_sessions (id, livemode, attempt, status, outcome, url, expires_at, known_at, unknown_at, unknown_words,
                                       order_id)
        SELECT * FROM unnest(
            cells(part[1]), cells(part[2])::boolean[], cells(part[3])::integer[], cells(part[4]), cells(part[5]), cells(part[6]),
            cells(part[7])::timestamptz[], cells(part[8])::timestamptz[], cells(part[9])::timestamptz[], cells(part[10]),
            cells(part[11])::uuid[])
        ON CONFLICT (id, livemode) DO UPDATE SET
            order_id = excluded.order_id, attempt = excluded.attempt, status = excluded.status, outcome = excluded.outcome,
            url = excluded.url, expires_at = excluded.expires_at, known_at = excluded.known_at, unknown_at = excluded.unknown_at,
            unknown_words = excluded.unknown_words;
    END IF;
    IF new_observations IS NOT NULL THEN
        part := string_to_array(new_observations, E'\x1d');
        INSERT INTO payment_observations (payment_id, amount, currency, livemode, paid_at)
        SELECT * FROM unnest(cells(part[1]), cells(part[2])::bigint[], cells(part[3]), cells(part[4])::boolean[],
                             cells(part[5])::timestamptz[])
        ON CONFLICT (payment_id, amount, currency, livemode) DO UPDATE SET paid_at = excluded.paid_at;
    END IF;
    IF new_refunds IS NOT NULL THEN
        part := string_to_array(new_refunds, E'\x1d');
        INSERT INTO refunds (id, livemode, payment_id, status, amount, currency, request_id, known_at, unknown_at, unknown_words)
        SELECT * FROM unnest(
            cells(part[1]), cells(part[2])::boolean[], cells(part[3]), cells(part[4]), cells(part[5])::bigint[], cells(part[6]),
            cells(part[7]), cells(part[8])::timestamptz[], cells(part[9])::timestamptz[], cells(part[10]))
        ON CONFLICT (id, livemode) DO UPDATE SET
            payment_id = excluded.payment_id, status = excluded.status, amount = excluded.amount, currency = excluded.currency,
            request_id = excluded.request_id, known_at = excluded.known_at, unknown_at = excluded.unknown_at,
            unknown_words = excluded.unknown_words;
    END IF;
    IF new_disputes IS NOT NULL THEN
        part := string_to_array(new_disputes, E'\x1d');
        INSERT INTO disputes (id, livemode, payment_id, status, due_by, amount, currency, reason, observed_at, event_id, unknown_words,
                              withdrawn_at, reinstated_at, network_reason, has_evidence, submission_count, past_due)
        SELECT * FROM unnest(
            cells(part[1]), cells(part[2])::boolean[], cells(part[3]), cells(part[4]), cells(part[5])::timestamptz[],
            cells(part[6])::bigint[], cells(part[7]), cells(part[8]), cells(part[9])::timestamptz[], cells(part[10]), cells(part[11]),
            cells(part[12])::timestamptz[], cells(part[13])::timestamptz[], cells(part[14]), cells(part[15])::boolean[],
            cells(part[16])::integer[], cells(part[17])::boolean[])
        ON CONFLICT (id, livemode) DO UPDATE SET
            payment_id = excluded.payment_id, status = excluded.status, due_by = excluded.due_by, amount = excluded.amount,
            currency = excluded.currency, reason = excluded.reason, observed_at = excluded.observed_at, event_id = excluded.event_id,
            unknown_words = excluded.unknown_words, withdrawn_at = excluded.withdrawn_at, reinstated_at = excluded.reinstated_at,
            network_reason = excluded.network_reason, has_evidence = excluded.has_evidence,
            submission_count = excluded.submission_count, past_due = excluded.past_due;
    END IF;
    IF new_hints IS NOT NULL THEN
        part := string_to_array(new_hints, E'\x1d');
        INSERT INTO refund_hints (charge_id, livemode, payment_id, amount_refunded, observed_at, event_id)
        SELECT * FROM unnest(cells(part[1]), cells(part[2])::boolean[], cells(part[3]), cells(part[4])::bigint[],
                             cells(part[5])::timestamptz[], cells(part[6]))
        ON CONFLICT (charge_id, livemode) DO UPDATE SET
            payment_id = excluded.payment_id, amount_refunded = excluded.amount_refunded, observed_at = excluded.observed_at,
            event_id = excluded.event_id, checked_at = NULL;
    END IF;
    IF new_canceled IS NOT NULL THEN
        part := string_to_array(new_canceled, E'\x1d');
        INSERT INTO canceled_payments (id, canceled_at)
        SELECT * FROM unnest(cells(part[1]), cells(part[2])::timestamptz[])
        ON CONFLICT (id) DO UPDATE SET canceled_at = excluded.canceled_at;
    END IF;
    IF new_acts IS NOT NULL THEN
        part := string_to_array(new_acts, E'\x1d');
        INSERT INTO acts (order_id, kind, reason, subject, actor)
        SELECT * FROM unnest(cells(part[1])::uuid[], cells(part[2]), cells(part[3]), cells(part[4]), cells(part[5]));
    END IF;
    IF adopted IS NOT NULL THEN  -- events that arrived before their order was known become applied
        part := string_to_array(adopted, E'\x1d');
        UPDATE stripe_events SET status = 'applied', reason = NULL, order_id = known.order_id, applied_at = now()
        FROM unnest(cells(part[1]), cells(part[2])::uuid[]) AS known (subject_id, order_id)
        WHERE stripe_events.subject_id = known.subject_id AND reason = 'no_order';
        IF FOUND THEN  -- so may be charges
            UPDATE charges SET order_id = orders.id, ordered_at = orders.created_at, order_number = orders.number
            FROM unnest(cells(part[1]), cells(part[2])::uuid[]) AS known (subject_id, order_id) JOIN orders ON orders.id = known.order_id
            WHERE charges.payment_id = known.subject_id AND charges.order_id IS NULL;
        END IF;
    END IF;
    IF new_states IS NOT NULL THEN
        part := string_to_array(new_states, E'\x1d');
        UPDATE orders SET
            status = new.status, attention = string_to_array(new.attention, ','), amount_refunded = new.amount_refunded,
            paid_at = new.paid_at, updated_at = now()
        FROM unnest(cells(part[1])::uuid[], cells(part[2]), cells(part[3]), cells(part[4])::bigint[], cells(part[5])::timestamptz[])
            AS new (id, status, attention, amount_refunded, paid_at)
        WHERE orders.id = new.id;
    END IF;
    IF new_changes IS NOT NULL THEN
        part := string_to_array(new_changes, E'\x1d');
        INSERT INTO order_changes (order_id, from_status, to_status, cause, actor, note)
        SELECT * FROM unnest(cells(part[1])::uuid[], cells(part[2]), cells(part[3]), cells(part[4]), cells(part[5]), cells(part[6]));
    END IF;
    IF new_messages IS NOT NULL THEN  -- one that is owed already is skipped by its key
        part := string_to_array(new_messages, E'\x1d');
        INSERT INTO outbox (order_id, kind, subject_id, channel)
        SELECT * FROM unnest(cells(part[1])::uuid[], cells(part[2]), cells(part[3]), cells(part[4]))
        ON CONFLICT (order_id, kind, subject_id, channel) DO NOTHING;
    END IF;
    IF new_states IS NOT NULL OR new_changes IS NOT NULL OR new_messages IS NOT NULL THEN
        PERFORM pg_notify(notified, '');
    END IF;
    IF new_events IS NOT NULL THEN
        part := string_to_array(new_events, E'\x1d');
        -- A time of receipt that is minutes off the database's clock comes from a wrong clock and would put the payload into a wrong
        -- partition.
        WITH incoming AS MATERIALIZED (
            SELECT id, type, status, reason, order_id, subject_id, api_version, livemode, created_at,
                   CASE WHEN received_at BETWEEN now() - interval '5 minutes' AND now() + interval '5 minutes' THEN received_at
                        ELSE now() END AS received_at,
                   next_attempt_at, last_error, body_hash, payload
            FROM unnest(
                cells(part[1]), cells(part[2]), cells(part[3]), cells(part[4]), cells(part[5])::uuid[], cells(part[6]), cells(part[7]),
                cells(part[8])::boolean[], cells(part[9])::timestamptz[], cells(part[10])::timestamptz[],
                cells(part[11])::timestamptz[], cells(part[12]), cells(part[13])::bytea[], cells(payloads)
            ) AS event (id, type, status, reason, order_id, subject_id, api_version, livemode, created_at, received_at,
                        next_attempt_at, last_error, body_hash, payload)
        ), fresh AS (
            INSERT INTO stripe_events (id, type, status, reason, order_id, subject_id, api_version, livemode, created_at, received_at,
                                       applied_at, next_attempt_at, last_error, body_hash)
            SELECT id, type, status, reason, order_id, subject_id, api_version, livemode, created_at, received_at,
                   CASE WHEN status = 'applied' THEN now() END, next_attempt_at, last_error, body_hash
            FROM incoming
            ON CONFLICT (id) DO NOTHING
            RETURNING id
        ), kept AS (
            INSERT INTO stripe_event_payloads (event_id, received_at, payload)
            SELECT incoming.id, incoming.received_at, incoming.payload FROM incoming JOIN fresh USING (id)
        )
        SELECT array_agg(id) INTO stored FROM fresh;
    END IF;
    RETURN stored;
END $$;

-- Return the fraud warnings about the payments that load_facts has returned, as a JSON array of arrays, or null for none. It reads what
-- was committed before the locks held.
CREATE FUNCTION load_fraud_warnings(held_payments json) RETURNS json LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF held_payments IS NULL OR NOT EXISTS (SELECT FROM fraud_warnings) THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT json_agg(json_build_array(id, livemode, payment_id, fraud_type, actionable, warned_at, observed_at, event_id))
        FROM json_array_elements(held_payments) AS payment
        CROSS JOIN LATERAL (SELECT * FROM fraud_warnings WHERE payment_id = payment ->> 0 OFFSET 0) AS held);
END $$;

-- Return the charges of payments as a JSON array of arrays, or null for none.
CREATE FUNCTION load_charges(payments text) RETURNS json LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (
        SELECT json_agg(json_build_array(
            payment_id, id, livemode, created_at, status, method, brand, last4, funding, country, wallet, network,
            CASE WHEN decline_code IS NOT NULL
                THEN json_build_array(decline_source, declined_at, decline_code, coalesce(decline_message, '')) END,
            CASE WHEN risk_level IS NOT NULL THEN json_build_array(assessed_at, risk_level, risk_score) END))
        FROM charges WHERE payment_id = ANY(cells(payments)));
END $$;

-- Write charges with their orders, and place those of payments that belong to another order now. An order that is erased gets
-- nothing that is about its customer.
CREATE FUNCTION record_charges(new_charges text, moved text) RETURNS void LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    part text[];
BEGIN
    IF moved IS NOT NULL THEN
        part := string_to_array(moved, E'\x1d');
        UPDATE charges SET order_id = orders.id, ordered_at = orders.created_at, order_number = orders.number
        FROM unnest(cells(part[1]), cells(part[2])::uuid[]) AS known (node, order_id) LEFT JOIN orders ON orders.id = known.order_id
        WHERE charges.payment_id = known.node;
    END IF;
    IF new_charges IS NOT NULL THEN
        part := string_to_array(new_charges, E'\x1d');
        INSERT INTO charges (payment_id, id, livemode, order_id, ordered_at, order_number, created_at, status, method, brand, last4, funding,
                             country, wallet, network, decline_source, declined_at, decline_code, decline_message, assessed_at,
                             risk_level, risk_score)
        SELECT new.payment_id, new.id, new.livemode, orders.id, orders.created_at, orders.number, new.created_at, new.status, new.method,
               shown.brand, shown.last4, shown.funding, shown.country, shown.wallet, shown.network, new.decline_source, new.declined_at,
               new.decline_code, shown.decline_message, shown.assessed_at, shown.risk_level, shown.risk_score
        FROM unnest(
            cells(part[1]), cells(part[2]), cells(part[3])::boolean[], cells(part[4])::timestamptz[], cells(part[5]), cells(part[6]),
            cells(part[7]), cells(part[8]), cells(part[9]), cells(part[10]), cells(part[11]), cells(part[12]),
            cells(part[13])::smallint[], cells(part[14])::timestamptz[], cells(part[15]), cells(part[16]),
            cells(part[17])::timestamptz[], cells(part[18]), cells(part[19])::smallint[], cells(part[20])::uuid[]
        ) AS new (payment_id, id, livemode, created_at, status, method, brand, last4, funding, country, wallet, network,
                  decline_source, declined_at, decline_code, decline_message, assessed_at, risk_level, risk_score, order_id)
        LEFT JOIN orders ON orders.id = new.order_id
        LEFT JOIN LATERAL (
            SELECT new.brand, new.last4, new.funding, new.country, new.wallet, new.network, new.decline_message, new.assessed_at,
                   new.risk_level, new.risk_score
        ) AS shown ON orders.erased_at IS NULL
        ON CONFLICT (payment_id, id, livemode) DO UPDATE SET
            order_id = excluded.order_id, ordered_at = excluded.ordered_at, order_number = excluded.order_number,
            created_at = excluded.created_at, status = excluded.status, method = excluded.method, brand = excluded.brand,
            last4 = excluded.last4, funding = excluded.funding, country = excluded.country, wallet = excluded.wallet,
            network = excluded.network, decline_source = excluded.decline_source, declined_at = excluded.declined_at,
            decline_code = excluded.decline_code, decline_message = excluded.decline_message, assessed_at = excluded.assessed_at,
            risk_level = excluded.risk_level, risk_score = excluded.risk_score;
    END IF;
END $$;

-- A checkout -----------------------------------------------------------------------------------------------------------

-- Return how many payments were declined within the hour: of the email's latest hundred orders, or of the orders, whichever is more.
-- Those of orders that were paid in the end do not count: a shopper whose second card works tests none. The planner must find events by
-- their order, and orders by their id, whatever it knows about the tables: hence `type || ''` and `status || ''`.
CREATE FUNCTION count_declines(of_email text, of_orders uuid[]) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN greatest(
        (SELECT count(*) FROM stripe_events
         WHERE type || '' = 'payment_intent.payment_failed' AND received_at >= now() - interval '1 hour'
            AND order_id IN (
                SELECT id FROM (
                    SELECT id, status FROM orders WHERE lower(customer_email) = lower(of_email) AND of_email <> ''
                    ORDER BY created_at DESC LIMIT 100) AS latest
                WHERE status IN ('pending', 'processing', 'failed', 'expired', 'canceled'))),
        (SELECT count(*) FROM stripe_events
         WHERE type || '' = 'payment_intent.payment_failed' AND received_at >= now() - interval '1 hour'
            AND order_id = ANY(ARRAY(
                SELECT id FROM orders
                WHERE id = ANY(of_orders) AND status || '' IN ('pending', 'processing', 'failed', 'expired', 'canceled')))));
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
CREATE FUNCTION place_order(
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
