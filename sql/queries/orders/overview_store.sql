-- What the terminal shows in addition to the lists: last events, lengths of lists, and the shop's figures.
--
-- A list's length and ranks are read from the index alone. The statement is chosen as for the list itself (order_reads.sql).

-- name: read_last_events
-- $1 order ids. The last event of each order that has one.
SELECT wanted.id AS order_id, last.type, last.received_at
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT type, received_at FROM stripe_events WHERE order_id = wanted.id ORDER BY received_at DESC LIMIT 1
) AS last;

-- name: read_orders_by_ids
-- $1 order ids
SELECT * FROM order_rows WHERE id = ANY($1::uuid[]);

-- name: count_orders
-- $1 since, $2 until
SELECT count(*) FROM orders WHERE created_at >= $1 AND created_at < $2;

-- name: count_orders_of_status
-- $1 since, $2 until, $3 statuses
SELECT count(*) FROM orders WHERE status = ANY($3::text[]) AND created_at >= $1 AND created_at < $2;

-- name: count_orders_with_attention
-- $1 since, $2 until, $3 statuses or null
SELECT count(*) FROM orders
WHERE attention <> '{}' AND created_at >= $1 AND created_at < $2 AND ($3::text[] IS NULL OR status = ANY($3::text[]));

-- name: skip_orders
-- $1 since, $2 and $3 created_at and number of the previous order, $4 number to skip. The position of the last order skipped.
SELECT created_at, number FROM orders
WHERE created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
ORDER BY created_at DESC, number DESC OFFSET $4::bigint - 1 LIMIT 1;

-- name: skip_orders_of_status
-- $5 statuses: see list_orders_of_status
SELECT page.created_at, page.number
FROM unnest($5::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT created_at, number FROM orders
    WHERE orders.status >= wanted.status AND orders.status <= wanted.status
        AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    ORDER BY orders.status, created_at DESC, number DESC LIMIT $4::bigint
) AS page
ORDER BY created_at DESC, number DESC OFFSET $4::bigint - 1 LIMIT 1;

-- name: skip_orders_with_attention
-- $5 statuses or null
SELECT created_at, number FROM orders
WHERE attention <> '{}' AND created_at >= $1 AND (created_at, number) < ($2, $3::bigint)
    AND ($5::text[] IS NULL OR status = ANY($5::text[]))
ORDER BY created_at DESC, number DESC OFFSET $4::bigint - 1 LIMIT 1;

-- name: read_day
-- $1 since, $2 livemode. Orders made since, by status, and how many of them were paid.
SELECT status, count(*) AS made, count(paid_at) AS paid FROM orders WHERE created_at >= $1 AND livemode = $2 GROUP BY status;

-- name: read_revenue
-- $1 since, $2 length of an interval, $3 livemode. Net revenue in each interval, by currency.
SELECT date_bin($2::interval, paid_at, $1) AS at, currency, count(*) AS orders, sum(amount_total - amount_refunded)::bigint AS amount
FROM orders WHERE paid_at >= $1 AND livemode = $3 GROUP BY 1, 2 ORDER BY 1, 2;

-- name: read_trouble
-- $1 now, $2 the latest expires_at of a session that should have ended, $3 the latest created_at of an order that has been processing
-- for too long. Counts of what a person should look at. Lag: median of the newest events, from Stripe's clock to ours.
SELECT
    (SELECT count(*) FROM checkout_sessions WHERE status = 'open' AND expires_at < $2 AND order_id IS NOT NULL)
    + (SELECT count(*) FROM orders WHERE status = 'processing' AND created_at < $3) AS stuck,
    (SELECT count(*) FROM orders WHERE attention <> '{}' AND created_at <= $1) AS attention,
    (SELECT count(*) FROM stripe_events WHERE status = 'failed') AS events_failed,
    (SELECT count(*) FROM stripe_events WHERE status IN ('failed', 'dead') AND status = 'dead') AS events_dead,
    (SELECT count(*) FROM outbox WHERE status IN ('failed', 'dead') AND status = 'dead') AS messages_dead,
    (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY greatest(extract(epoch FROM received_at - created_at), 0))::float8
     FROM (SELECT received_at, created_at FROM stripe_events WHERE received_at > $1 - interval '1 day'
           ORDER BY received_at DESC, id DESC LIMIT 100) AS newest
     WHERE created_at IS NOT NULL) AS lag_seconds;

-- name: may_write
-- Whether this database user may change orders.
SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'
    AND has_table_privilege('orders', 'UPDATE') AND has_table_privilege('order_changes', 'INSERT')
    AND has_table_privilege('acts', 'INSERT');

-- name: read_numbers
-- $1 order ids
SELECT id, number FROM orders WHERE id = ANY($1::uuid[]);

-- name: read_arrivals
-- $1 since, $2 length of an interval. Events received in each, and the median of the seconds from Stripe's clock to ours.
SELECT date_bin($2::interval, received_at, $1) AS at, count(*) AS events,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY greatest(extract(epoch FROM received_at - created_at), 0))::float8 AS lag_seconds
FROM stripe_events WHERE received_at >= $1 GROUP BY 1 ORDER BY 1;

-- name: read_owed
-- $1 since, $2 length of an interval. Messages that became owed in each.
SELECT date_bin($2::interval, created_at, $1) AS at, count(*) AS messages FROM outbox WHERE created_at >= $1 GROUP BY 1 ORDER BY 1;
