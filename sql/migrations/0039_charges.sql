-- oldest code: 1

-- What Stripe reports about charges: card or account, why one was declined, and its risk. No status follows from it, so it is loaded and
-- written by functions of its own, which only updates about charges call: all others cost what they did. An older release calls the
-- functions that it knows, and what it leaves out is filled from the payloads later.
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

-- A role that may read orders may read these.
DO $$
DECLARE
    reader record;
BEGIN
    FOR reader IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
                  WHERE table_schema = current_schema() AND table_name = 'orders' AND privilege_type = 'SELECT' LOOP
        EXECUTE format('GRANT SELECT ON charges TO %s',
                       CASE WHEN reader.grantee = 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(reader.grantee) END);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION delete_rows_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM order_texts WHERE order_id = OLD.id;
    DELETE FROM order_items WHERE order_id = OLD.id;
    DELETE FROM session_attempts WHERE order_id = OLD.id;
    DELETE FROM payments WHERE order_id = OLD.id;
    DELETE FROM charges WHERE order_id = OLD.id;
    DELETE FROM checkout_sessions WHERE order_id = OLD.id;
    DELETE FROM order_changes WHERE order_id = OLD.id;
    DELETE FROM outbox WHERE order_id = OLD.id;
    UPDATE stripe_events SET order_id = NULL WHERE order_id = OLD.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION record_facts(
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
                              withdrawn_at, reinstated_at)
        SELECT * FROM unnest(
            cells(part[1]), cells(part[2])::boolean[], cells(part[3]), cells(part[4]), cells(part[5])::timestamptz[],
            cells(part[6])::bigint[], cells(part[7]), cells(part[8]), cells(part[9])::timestamptz[], cells(part[10]), cells(part[11]),
            cells(part[12])::timestamptz[], cells(part[13])::timestamptz[])
        ON CONFLICT (id, livemode) DO UPDATE SET
            payment_id = excluded.payment_id, status = excluded.status, due_by = excluded.due_by, amount = excluded.amount,
            currency = excluded.currency, reason = excluded.reason, observed_at = excluded.observed_at, event_id = excluded.event_id,
            unknown_words = excluded.unknown_words, withdrawn_at = excluded.withdrawn_at, reinstated_at = excluded.reinstated_at;
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
