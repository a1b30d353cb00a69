-- Orders {first} to {last} of {total}, one every two seconds until now, paid and with three events each. The last tenth of the events,
-- a million at most, has payloads. Triggers and checks of foreign keys are off meanwhile.
SET LOCAL session_replication_role = replica;
SET LOCAL synchronous_commit = off;
SELECT ensure_payload_partitions((now() - interval '14 days')::date, 4);

CREATE TEMPORARY TABLE old ON COMMIT DROP AS
SELECT n, gen_random_uuid() AS id, 'cs_test_old' || lpad(n::text, 47, '0') AS session_id, 'pi_3old' || lpad(n::text, 20, '0') AS intent_id,
       'ch_3old' || lpad(n::text, 20, '0') AS charge_id, now() - ({total} - n) * interval '2 seconds' AS at, 500 + (n * 131) % 90000 AS total
FROM generate_series({first}, {last}) AS n;

INSERT INTO orders (id, status, paid_at, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, livemode, created_at, updated_at)
SELECT id, 'completed', at, 'usd', total, 0, total, 'Earlier Customer ' || n % 100000, 'earlier' || n % 500000 || '@example.com',
       '+442071838750', false, at, at
FROM old ORDER BY n;

INSERT INTO order_texts (order_id, text) SELECT id, search_form(customer_name || E'\n' || customer_email) FROM orders JOIN old USING (id);

INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)
SELECT id, 1, 'SKU-0001', 'Product 1', total, 1, total, 0 FROM old ORDER BY id;

INSERT INTO session_attempts (order_id, attempt, parameters, started_at, session_id)
SELECT id, 1, '{"session":{"mode":"payment","client_reference_id":"' || id || '"}}', at, session_id FROM old ORDER BY id;

INSERT INTO order_changes (order_id, at, from_status, to_status, cause, actor)
SELECT id, at, from_status, to_status, cause, actor
FROM old CROSS JOIN (VALUES (NULL, 'pending', 'order.created', 'shopper'), ('pending', 'completed', 'charge.succeeded', 'stripe'))
    AS change (from_status, to_status, cause, actor)
ORDER BY n;

INSERT INTO links (source_id, target_id, rank)
SELECT source_id, target_id, rank
FROM old CROSS JOIN LATERAL (VALUES (session_id, id::text, 0), (session_id, intent_id, 3), (intent_id, id::text, 2), (charge_id, intent_id, 3))
    AS link (source_id, target_id, rank);

INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome, url, expires_at, created_at, known_at)
SELECT session_id, false, id, 1, 'complete', 'paid', 'https://checkout.stripe.com/c/pay/' || session_id, at + interval '1 day', at, at
FROM old ORDER BY n;

INSERT INTO payments (id, order_id, created_at) SELECT intent_id, id, at FROM old ORDER BY n;

INSERT INTO payment_observations (payment_id, amount, currency, livemode, paid_at) SELECT intent_id, total, 'usd', false, at FROM old ORDER BY n;

CREATE TEMPORARY TABLE old_events ON COMMIT DROP AS
SELECT old.n, place, 'evt_3old' || lpad((3 * n + place)::text, 18, '0') AS event_id, type, old.id, subject_id, at
FROM old CROSS JOIN LATERAL (
    VALUES (0, 'charge.succeeded', intent_id), (1, 'payment_intent.succeeded', intent_id), (2, 'checkout.session.completed', session_id)
) AS event (place, type, subject_id);

INSERT INTO stripe_events (id, type, status, order_id, subject_id, api_version, livemode, created_at, received_at, applied_at, body_hash)
SELECT event_id, type, 'applied', id, subject_id, '2026-10-28.endive', false, at, at, at, decode(md5(event_id), 'hex')
FROM old_events ORDER BY n, place;

INSERT INTO stripe_event_payloads (event_id, received_at, payload)
SELECT event_id, at, '{"id":"' || event_id || '","filler":"' || repeat(md5(event_id), 115) || '"}'
FROM old_events WHERE n > {total} - least({total} / 10, 333333) ORDER BY n, place;
