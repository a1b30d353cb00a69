-- oldest code: 1

-- That an order was sent is an act of a person. No status follows from it, so merges do not load it: a daemon of an older release would
-- not know what it is.
ALTER TABLE acts DROP CONSTRAINT IF EXISTS acts_kind_known;
ALTER TABLE acts ADD CONSTRAINT acts_kind_known CHECK (kind IN ('canceled', 'acknowledged', 'noted', 'shipped')) NOT VALID;

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
                                         unknown_words, withdrawn_at, reinstated_at))
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

-- concurrently
ALTER TABLE acts VALIDATE CONSTRAINT acts_kind_known;
