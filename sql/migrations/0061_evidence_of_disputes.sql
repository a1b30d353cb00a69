-- oldest code: 1

-- What a dispute's evidence is like, and the card network's own code of its reason. A daemon of an older release leaves these out: they
-- are null until the next report.
ALTER TABLE disputes ADD COLUMN network_reason text, ADD COLUMN has_evidence boolean, ADD COLUMN submission_count integer,
    ADD COLUMN past_due boolean;

CREATE OR REPLACE FUNCTION load_facts(
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
