-- What `checkout report` adds up. Money is that of balance transactions, by the time at which it moved.

-- name: report_money
-- $1 livemode, $2 and $3 made since and before, $4 time zone, $5 day, week or month, or null: all in one. What moved, by currency and
-- category.
SELECT date_trunc($5, created_at AT TIME ZONE $4)::date::text AS key, currency, category, count(*) AS lines,
       sum(amount)::bigint AS amount, sum(fee)::bigint AS fee
FROM balance_transactions WHERE livemode = $1 AND created_at >= $2 AND created_at < $3
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: report_orders
-- $1 to $5 as before. Orders that were made, how many of them were ever paid, and the shipping and tax of these: null where none has any.
SELECT date_trunc($5, created_at AT TIME ZONE $4)::date::text AS key, currency, count(*) AS orders, count(paid_at) AS paid,
       sum(amount_shipping) FILTER (WHERE paid_at IS NOT NULL)::bigint AS amount_shipping,
       sum(amount_tax) FILTER (WHERE paid_at IS NOT NULL)::bigint AS amount_tax
FROM orders WHERE livemode = $1 AND created_at >= $2 AND created_at < $3
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: report_money_by_charge
-- $1 livemode, $2 and $3 made since and before, $4 method or country. What moved, by what is known of the card or account. What belongs to
-- no payment has the key null.
SELECT CASE $4 WHEN 'country' THEN c.country ELSE coalesce(c.brand, c.method) END AS key, b.currency, b.category, count(*) AS lines,
       sum(b.amount)::bigint AS amount, sum(b.fee)::bigint AS fee
FROM balance_transactions AS b
LEFT JOIN LATERAL (
    SELECT method, brand, country FROM charges WHERE payment_id = b.payment_id AND status = 'succeeded' ORDER BY created_at LIMIT 1
) AS c ON true
WHERE b.livemode = $1 AND b.created_at >= $2 AND b.created_at < $3
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: report_orders_by_charge
-- $1 to $4 as before. Orders that were made, and how many of them were paid, by their first charge that succeeded, else their last attempt.
SELECT CASE $4 WHEN 'country' THEN c.country ELSE coalesce(c.brand, c.method) END AS key, o.currency, count(*) AS orders,
       count(o.paid_at) AS paid,
       sum(o.amount_shipping) FILTER (WHERE o.paid_at IS NOT NULL)::bigint AS amount_shipping,
       sum(o.amount_tax) FILTER (WHERE o.paid_at IS NOT NULL)::bigint AS amount_tax
FROM orders AS o
LEFT JOIN LATERAL (
    SELECT method, brand, country FROM charges WHERE order_id = o.id ORDER BY status = 'succeeded' DESC, created_at DESC LIMIT 1
) AS c ON true
WHERE o.livemode = $1 AND o.created_at >= $2 AND o.created_at < $3
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: report_money_by_discount
-- $1 livemode, $2 and $3 made since and before. What moved, by the discount code of the order; null: without one.
SELECT o.discount_code AS key, b.currency, b.category, count(*) AS lines, sum(b.amount)::bigint AS amount, sum(b.fee)::bigint AS fee
FROM balance_transactions AS b
LEFT JOIN LATERAL (
    SELECT orders.discount_code FROM payments JOIN orders ON orders.id = payments.order_id WHERE payments.id = b.payment_id OFFSET 0
) AS o ON true
WHERE b.livemode = $1 AND b.created_at >= $2 AND b.created_at < $3
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: report_orders_by_discount
-- $1 to $3 as before.
SELECT discount_code AS key, currency, count(*) AS orders, count(paid_at) AS paid,
       sum(amount_shipping) FILTER (WHERE paid_at IS NOT NULL)::bigint AS amount_shipping,
       sum(amount_tax) FILTER (WHERE paid_at IS NOT NULL)::bigint AS amount_tax
FROM orders WHERE livemode = $1 AND created_at >= $2 AND created_at < $3
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: report_skus
-- $1 livemode, $2 and $3 orders made since and before. By SKU: the orders that have it, those that were paid, and of these the units, and
-- the price of the lines less their share of the discount.
SELECT i.sku AS key, o.currency, count(DISTINCT o.id) AS orders, count(DISTINCT o.id) FILTER (WHERE o.paid_at IS NOT NULL) AS paid,
       coalesce(sum(i.quantity) FILTER (WHERE o.paid_at IS NOT NULL), 0)::bigint AS units,
       coalesce(sum(i.amount - i.amount_discount) FILTER (WHERE o.paid_at IS NOT NULL), 0)::bigint AS gross
FROM orders AS o
CROSS JOIN LATERAL (SELECT sku, quantity, amount, amount_discount FROM order_items WHERE order_id = o.id OFFSET 0) AS i
WHERE o.livemode = $1 AND o.created_at >= $2 AND o.created_at < $3
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: report_taxes
-- $1 livemode, $2 and $3 orders made since and before. By the country that an order is sent to, rate and class of tax: the orders that have
-- it, those that were paid, and of these what is taxed so, tax included, and the tax. The key null has what is not taxed.
SELECT t.key, o.currency, count(*) AS orders, count(o.paid_at) AS paid,
       coalesce(sum(t.gross) FILTER (WHERE o.paid_at IS NOT NULL), 0)::bigint AS gross,
       coalesce(sum(t.tax) FILTER (WHERE o.paid_at IS NOT NULL), 0)::bigint AS amount_tax
FROM orders AS o
CROSS JOIN LATERAL (
    SELECT concat_ws(' ', s.country, trim_scale(lines.percent) || '%', lines.tax_class) AS key, lines.amount_gross AS gross, lines.amount AS tax
    FROM order_taxes AS lines LEFT JOIN order_shipping AS s USING (order_id) WHERE lines.order_id = o.id
    UNION ALL
    SELECT NULL, o.amount_total - coalesce(sum(amount_gross), 0)::bigint, 0
    FROM order_taxes WHERE order_id = o.id HAVING o.amount_total > coalesce(sum(amount_gross), 0)
) AS t
WHERE o.livemode = $1 AND o.created_at >= $2 AND o.created_at < $3
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: report_declines
-- $1 livemode, $2 and $3 orders made since and before. By decline code: how many attempts were declined, of how many orders, and how many of
-- these were paid all the same.
SELECT c.decline_code AS key, o.currency, count(*) AS declines, count(DISTINCT o.id) AS orders,
       count(DISTINCT o.id) FILTER (WHERE o.paid_at IS NOT NULL) AS paid
FROM orders AS o
CROSS JOIN LATERAL (
    SELECT coalesce(decline_code, 'unknown') AS decline_code FROM charges WHERE order_id = o.id AND status = 'failed' OFFSET 0
) AS c
WHERE o.livemode = $1 AND o.created_at >= $2 AND o.created_at < $3
GROUP BY 1, 2 ORDER BY 1, 2;
