-- Fill a freshly migrated database with a shop of some years: orders, their facts, changes and events, the newest ones with payloads.
--
-- Run it as a superuser in one transaction, as asyncpg's execute does, after
--     SET fill.orders = '10000000'; SET fill.events = '30000000'; SET fill.payloads = '1000000'
-- (these are the defaults), then VACUUM (ANALYZE). Ten million orders take about 42 GB, and 6 GB more on the way. A server with
-- wal_level=minimal, max_wal_senders=0, maintenance_work_mem=1GB and max_parallel_maintenance_workers=2 is fastest: tables that are
-- truncated in the same transaction are then written without WAL.
--
-- Indexes and keys are dropped and built again at the end, whichever the schema has. Foreign keys come back without validation. All
-- values follow from the row's number, so no statement needs to join, and every run makes the same rows. Ids have the shape of
-- Stripe's: those of events, PaymentIntents and charges grow with time, those of sessions are random.

SET LOCAL session_replication_role = replica;  -- no triggers: order_texts is filled below
SET LOCAL jit = off;
SET LOCAL work_mem = '256MB';

CREATE TEMP TABLE fill_sizes ON COMMIT DROP AS
SELECT coalesce(nullif(current_setting('fill.orders', true), ''), '10000000')::bigint AS orders,
       coalesce(nullif(current_setting('fill.events', true), ''), '30000000')::bigint AS events,
       coalesce(nullif(current_setting('fill.payloads', true), ''), '1000000')::bigint AS payloads;

TRUNCATE orders, order_keys, order_texts, order_items, session_attempts, acts, links, checkout_sessions, payments, payment_observations,
    refunds, disputes, stripe_events, stripe_event_payloads, order_changes, outbox CASCADE;

-- Drop keys and indexes ------------------------------------------------------------------------------------------------

CREATE TEMP TABLE fill_indexes (place serial, build text) ON COMMIT DROP;
DO $$
DECLARE
    part record;
    filled CONSTANT regclass[] := ARRAY[
        'orders', 'order_texts', 'order_items', 'session_attempts', 'links', 'checkout_sessions', 'payments', 'payment_observations',
        'refunds', 'disputes', 'stripe_events', 'order_changes', 'outbox']::regclass[];
BEGIN
    -- Foreign keys first: they depend on the primary keys that they name.
    FOR part IN
        SELECT conrelid::regclass AS of, conname, contype, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE contype IN ('f', 'p', 'u') AND (conrelid = ANY(filled) OR contype = 'f' AND confrelid = ANY(filled))
            AND conparentid = 0
        ORDER BY contype, oid
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', part.of, part.conname);
        INSERT INTO fill_indexes (build) VALUES (format(
            'ALTER TABLE %s ADD CONSTRAINT %I %s%s', part.of, part.conname, part.definition,
            CASE WHEN part.contype = 'f' AND part.definition NOT LIKE '%NOT VALID' THEN ' NOT VALID' ELSE '' END));
    END LOOP;
    FOR part IN
        SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = ANY(filled)
    LOOP
        EXECUTE format('DROP INDEX %s', part.name);
        INSERT INTO fill_indexes (build) VALUES (part.definition);
    END LOOP;
END $$;

-- Orders -----------------------------------------------------------------------------------------------------------------

-- What the other tables repeat of each order. The last order was made now, the first one two years ago.
CREATE TEMP TABLE fill_orders ON COMMIT DROP AS
SELECT n, overlay(overlay(overlay(md5('order' || n) PLACING '4' FROM 13) PLACING '8' FROM 17)
                  PLACING lpad(to_hex(extract(epoch FROM made_at)::bigint / 600 % 65536), 4, '0') FROM 1)::uuid AS id,
       'cs_test_a1' || md5('session' || n) AS session_id,
       'pi_3' || lpad(to_hex(n), 8, '0') || left(md5('pi' || n), 12) AS intent_id,
       'ch_3' || lpad(to_hex(n), 8, '0') || left(md5('ch' || n), 12) AS charge_id,
       made_at, status,
       status IN ('completed', 'refunded', 'partially_refunded', 'disputed') AS paid, 1000 + n * 7919 % 90000 AS total
FROM fill_sizes, generate_series(1, orders) AS n,
    LATERAL (SELECT now() - (orders - n) * (interval '730 days' / orders) AS made_at OFFSET 0) AS timed, LATERAL (SELECT CASE
    WHEN n > orders - 200 AND n % 2 = 0 THEN 'pending' WHEN n % 100000 = 7 THEN 'pending' WHEN n % 20000 = 9 THEN 'processing'
    WHEN n % 10 = 3 THEN 'expired' WHEN n % 50 = 4 THEN 'failed' WHEN n % 100 = 5 THEN 'canceled' WHEN n % 40 = 6 THEN 'refunded'
    WHEN n % 200 = 8 THEN 'partially_refunded' WHEN n % 500 = 10 THEN 'disputed' ELSE 'completed' END AS status OFFSET 0) AS derived;

-- A first name, a last name, and a number in the email. Half of the last names are in one order or few, of the others the first is in 4 %
-- of all orders, the hundredth in 0.06 % and the thousandth in 0.006 %. One customer has a hundredth of the orders.
INSERT INTO orders (id, number, status, attention, amount_refunded, paid_at, currency, amount_subtotal, amount_discount, amount_total,
                    customer_name, customer_email, customer_phone, discount_code, livemode, idempotency_key, request_hash, created_at,
                    updated_at, locale)
OVERRIDING SYSTEM VALUE
SELECT id, 1000 + n, status, CASE WHEN n % 20000 = 11 THEN ARRAY['amount_mismatch'] ELSE '{}' END,
       CASE status WHEN 'refunded' THEN total WHEN 'partially_refunded' THEN total / 2 ELSE 0 END,
       CASE WHEN paid THEN made_at + interval '2 minutes' END, 'eur', total, 0, total, first || ' ' || last,
       CASE WHEN n % 100 = 42 THEN 'desk@example.com'
            ELSE lower(first) || '.' || lower(last) || n % 100 || (ARRAY['@example.com', '@example.org', '@mail.example.net'])[1 + n % 3]
       END,
       '+43660' || lpad((n * 7919 % 10000000)::text, 7, '0'), CASE WHEN n % 50 = 7 THEN 'WELCOME10' WHEN n % 5000 = 8 THEN 'FRIENDS' END,
       false, md5('key' || n), '\x0123456789abcdef0123456789abcdef', made_at, made_at + interval '2 minutes', 'de-AT'
FROM (SELECT *, (ARRAY['Ada', 'Bela', 'Carla', 'Dario', 'Elif', 'Frida', 'Goran', 'Hanna', 'Ivo', 'Jana', 'Kemal', 'Lena', 'Milo', 'Nora',
                       'Oskar', 'Paula', 'Quirin', 'Rosa', 'Stefan', 'Tilda', 'Umut', 'Vera', 'Wanda', 'Xenia', 'Yusuf', 'Zora']
             )[1 + n % 26] AS first,
             CASE WHEN n % 2 = 1 THEN 'M' || translate(to_hex(place), '0123456789', 'lmnoprstuv')
                  ELSE (ARRAY['Wag', 'Sch', 'Mei', 'Hof', 'Gru', 'Ste', 'Bau', 'Zim', 'Kel', 'Ros'])[1 + rank % 10]
                       || (ARRAY['en', 'nei', 'mer', 'ber', 'lin', 'and', 'ack', 'ort', 'ust', 'olz'])[1 + rank / 10 % 10]
                       || (ARRAY['er', 'mann', 'hofer', 'bach', 'stein', 'feld', 'ling', 'wald', 'huber', 'dorf'])[1 + rank / 100 % 10]
                       || (ARRAY['', 's', 'inger', 'ova', 'sen'])[1 + rank / 1000]
                  END AS last
      FROM fill_orders, LATERAL (SELECT n * 2654435761 % 1048576 AS place) AS mixed,
           LATERAL (SELECT power(5000, place / 1048576.0)::integer - 1 AS rank) AS ranked OFFSET 0) AS named;
SELECT setval('orders_number_seq', 1000 + orders) FROM fill_sizes;

INSERT INTO order_texts (order_id, text) SELECT id, lower(concat_ws(E'\n', customer_name, customer_email, customer_phone, discount_code)) FROM orders;

INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)
SELECT id, 1, 'SKU-' || n % 200, 'Product ' || n % 200, total, 1, total, 0 FROM fill_orders;

INSERT INTO session_attempts (order_id, attempt, parameters, started_at, session_id)
SELECT id, 1, '{"session":{"mode":"payment"}}', made_at, session_id FROM fill_orders;

-- Facts ------------------------------------------------------------------------------------------------------------------

INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome, url, expires_at, created_at, known_at)
SELECT session_id, false, id, 1,
       CASE WHEN paid OR status IN ('processing', 'failed') THEN 'complete'
            WHEN status = 'pending' AND n > orders - 200 THEN 'open' ELSE 'expired' END,
       CASE WHEN paid THEN 'paid' WHEN status = 'failed' THEN 'failed' ELSE 'unpaid' END,
       CASE WHEN n > orders - 200 THEN 'https://checkout.stripe.com/c/pay/' || session_id END, made_at + interval '1 day', made_at, made_at
FROM fill_orders, fill_sizes;

INSERT INTO links (source_id, target_id, rank)
SELECT link.* FROM fill_orders, LATERAL (VALUES (session_id, id::text, 0), (session_id, intent_id, 3), (charge_id, intent_id, 3)) AS link;

INSERT INTO payments (id, order_id, created_at) SELECT intent_id, id, made_at FROM fill_orders WHERE paid;

INSERT INTO payment_observations (payment_id, amount, currency, livemode, paid_at)
SELECT intent_id, total, 'eur', false, made_at + interval '2 minutes' FROM fill_orders WHERE paid;

-- A third of the cards has the same last digits. Every twentieth order had a declined payment first.
INSERT INTO charges (payment_id, id, livemode, order_id, ordered_at, order_number, created_at, status, method, brand, last4, funding,
                     country, network, decline_source, declined_at, decline_code, decline_message, assessed_at, risk_level, risk_score)
SELECT intent_id, charge_id || CASE WHEN declined THEN 'd' ELSE '' END, false, filled.id, orders.created_at, orders.number, at,
       CASE WHEN declined THEN 'failed' ELSE 'succeeded' END, 'card', 'visa',
       CASE WHEN n % 3 = 0 THEN '4242' ELSE lpad((n * 7919 % 10000)::text, 4, '0') END, 'credit', 'US', 'visa',
       CASE WHEN declined THEN 3 END, CASE WHEN declined THEN at END,
       CASE WHEN declined THEN CASE WHEN n % 40 = 0 THEN 'insufficient_funds' ELSE 'generic_decline' END END,
       CASE WHEN declined THEN 'Your card was declined.' END, at, 'normal', 20
FROM fill_orders AS filled JOIN orders ON orders.id = filled.id
CROSS JOIN LATERAL (VALUES (false, made_at + interval '2 minutes'), (true, made_at + interval '1 minute')) AS attempt (declined, at)
WHERE CASE WHEN declined THEN n % 20 = 0 ELSE paid END;

INSERT INTO refunds (id, livemode, payment_id, status, amount, currency, created_at)
SELECT 're_3' || lpad(to_hex(n), 20, '0'), false, intent_id, 'succeeded', CASE status WHEN 'refunded' THEN total ELSE total / 2 END, 'eur',
       made_at + interval '1 day'
FROM fill_orders WHERE status IN ('refunded', 'partially_refunded');

INSERT INTO disputes (id, livemode, payment_id, status, amount, currency, observed_at, event_id, created_at)
SELECT 'dp_1' || lpad(to_hex(n), 20, '0'), false, intent_id, 'needs_response', total, 'eur', made_at + interval '2 days',
       'evt_1dispute' || n, made_at + interval '2 days'
FROM fill_orders WHERE status = 'disputed';

-- Changes, messages and events -------------------------------------------------------------------------------------------

-- The transaction ids are made old for those who follow the change log, as after a restore.
INSERT INTO order_changes (order_id, at, from_status, to_status, cause, actor, note, xid)
SELECT id, change.*, '3'::xid8
FROM fill_orders, LATERAL (VALUES
    (made_at, NULL, 'pending', 'order.created', 'shopper', ''),
    (made_at + interval '2 minutes', 'pending', status, 'checkout.session.completed', 'stripe', 'evt_1' || to_hex(n))) AS change;

-- Messages of the last tenth of the orders.
INSERT INTO outbox (order_id, kind, subject_id, status, attempts, created_at, next_attempt_at, sent_at, channel)
SELECT id, kind, '', CASE WHEN n % 10000 = 1 THEN 'dead' WHEN n > orders - 100 THEN 'queued' ELSE 'sent' END, 1,
       made_at, made_at, made_at, channel
FROM fill_sizes, fill_orders, LATERAL (VALUES
    ('order.completed', 'mail', paid), ('order.completed', 'webhook', paid), ('order.refunded', 'mail', status = 'refunded'),
    ('order.attention', 'alert', n % 20000 = 11)) AS message (kind, channel, owed)
WHERE owed AND n > orders - orders / 10;

-- Three events an order: its PaymentIntent's, its charge's and its session's. Some are of a rare type, ignored, failed or dead.
CREATE TEMP VIEW fill_events AS
SELECT fill_orders.*, e, 'evt_1' || lpad(to_hex(e), 8, '0') || left(intent_id, 12) AS event_id,
       made_at + place * interval '1 second' AS received_at,
       CASE place WHEN 1 THEN CASE WHEN paid THEN 'payment_intent.succeeded' ELSE 'payment_intent.payment_failed' END
                  WHEN 2 THEN CASE WHEN paid THEN 'charge.succeeded' ELSE 'charge.failed' END
                  ELSE CASE WHEN paid THEN 'checkout.session.completed' WHEN status = 'failed' THEN 'checkout.session.async_payment_failed'
                            ELSE 'checkout.session.expired' END END AS type,
       CASE place WHEN 1 THEN intent_id WHEN 2 THEN charge_id ELSE session_id END AS subject_id, place
FROM fill_sizes, fill_orders, generate_series(1, 3) AS place, LATERAL (SELECT 3 * (n - 1) + place AS e) AS numbered
WHERE e <= events;

INSERT INTO stripe_events (id, type, status, reason, order_id, subject_id, api_version, livemode, created_at, received_at, applied_at,
                           next_attempt_at, last_error, body_hash)
SELECT event_id, CASE WHEN e % 30000 = 2 THEN 'charge.dispute.created' ELSE type END, event_status,
       CASE event_status WHEN 'ignored' THEN 'no_order' END, CASE event_status WHEN 'applied' THEN id END, subject_id, '2026-10-28.endive',
       false, received_at - interval '1 second', received_at, CASE event_status WHEN 'applied' THEN received_at END,
       CASE event_status WHEN 'failed' THEN now() + interval '1 hour' END,
       CASE WHEN event_status IN ('failed', 'dead') THEN 'KeyError: amount' END, '\x0123456789abcdef0123456789abcdef'
FROM fill_sizes, fill_events, LATERAL (
    SELECT CASE WHEN e > events - 1000 AND e % 100 = 50 THEN 'failed' WHEN e % 300000 = 50 THEN 'dead' WHEN e % 1000 = 500 THEN 'ignored'
                ELSE 'applied' END AS event_status OFFSET 0) AS decided;

SELECT ensure_payload_partitions((now() - interval '20 weeks')::date, 21);
INSERT INTO stripe_event_payloads (event_id, received_at, payload)
SELECT event_id, received_at, json_build_object(
    'id', event_id, 'object', 'event', 'api_version', '2026-10-28.endive', 'created', created, 'livemode', false, 'pending_webhooks', 1,
    'type', type, 'request', json_build_object('id', NULL, 'idempotency_key', NULL),
    'data', json_build_object('object', CASE place
        WHEN 1 THEN json_build_object(
            'id', intent_id, 'object', 'payment_intent', 'amount', total, 'amount_received', total, 'currency', 'eur', 'livemode', false,
            'status', CASE WHEN paid THEN 'succeeded' ELSE 'requires_payment_method' END, 'latest_charge', charge_id, 'created', created,
            'metadata', metadata)
        WHEN 2 THEN json_build_object(
            'id', charge_id, 'object', 'charge', 'amount', total, 'amount_captured', total, 'amount_refunded', 0, 'captured', paid,
            'paid', paid, 'currency', 'eur', 'livemode', false, 'status', CASE WHEN paid THEN 'succeeded' ELSE 'failed' END,
            'payment_intent', intent_id, 'created', created, 'metadata', metadata)
        ELSE json_build_object(
            'id', session_id, 'object', 'checkout.session', 'client_reference_id', id, 'amount_total', total, 'currency', 'eur',
            'livemode', false, 'status', CASE WHEN paid OR status = 'failed' THEN 'complete' ELSE 'expired' END,
            'payment_status', CASE WHEN paid THEN 'paid' ELSE 'unpaid' END, 'payment_intent', intent_id, 'created', created,
            'metadata', metadata) END))::text
FROM (SELECT *, extract(epoch FROM received_at)::bigint AS created,
             json_build_object('order_id', id, 'filler', repeat('x', 2900)) AS metadata
      FROM fill_events, (SELECT events - payloads AS old FROM fill_sizes) AS size WHERE e > old OFFSET 0) AS made;

-- Build keys and indexes, foreign keys last --------------------------------------------------------------------------------

DO $$
DECLARE
    part record;
BEGIN
    FOR part IN SELECT build FROM fill_indexes ORDER BY build LIKE '%FOREIGN KEY%', place LOOP
        EXECUTE part.build;
    END LOOP;
END $$;
