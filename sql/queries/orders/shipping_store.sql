-- How and where to orders are sent, and the taxes that their totals include.

-- name: record_selling_terms
-- $1 order id, $2 total with shipping, $3 shipping, $4 tax; $5 to $14 how and where to it is sent, or null; $15 to $18 its taxes. For an
-- order that this transaction has placed without them.
WITH sent AS (
    INSERT INTO order_shipping (order_id, rate, label, estimate, name, line1, line2, city, state, postal_code, country)
    SELECT $1::uuid, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE $5::text IS NOT NULL
), taxed AS (
    INSERT INTO order_taxes (order_id, position, tax_class, percent, amount_gross, amount)
    SELECT $1::uuid, tax.position, tax.tax_class, tax.percent, tax.amount_gross, tax.amount
    FROM unnest($15::text[], $16::numeric[], $17::bigint[], $18::bigint[]) WITH ORDINALITY AS tax (tax_class, percent, amount_gross, amount, position)
)
UPDATE orders SET amount_total = $2, amount_shipping = $3, amount_tax = $4 WHERE id = $1::uuid;

-- name: read_shipping
-- $1 order ids
SELECT order_id, rate, label, estimate, name, line1, line2, city, state, postal_code, country, carrier, tracking_number, tracking_url
FROM order_shipping WHERE order_id = ANY($1::uuid[]);

-- name: read_taxes
-- $1 order ids
SELECT order_id, tax_class, percent, amount_gross, amount FROM order_taxes WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, position;
