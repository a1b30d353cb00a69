-- What a merge writes.

-- name: record_facts
-- The rows of each table as text (database/cells.py), $15 payloads as cells, $16 channel to notify. See sql/schema.sql.
SELECT record_facts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: record_facts_and_charges
-- The same with $17 charges, and $18 payments whose charges belong to another order now.
SELECT record_facts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16), record_charges($17, $18);

-- name: record_address
-- $1 order id, $2 the session that has collected it, $3 to $9 the address. Unless the customer was erased.
UPDATE order_shipping SET collected_by = $2, name = $3, line1 = $4, line2 = $5, city = $6, state = $7, postal_code = $8, country = $9
FROM orders
WHERE order_shipping.order_id = $1::uuid AND orders.id = $1::uuid AND orders.erased_at IS NULL
    AND (line1 = '' OR collected_by <> '' AND collected_by <= $2);

-- name: record_fraud_warning
-- $1 id, $2 livemode, $3 payment, $4 fraud type, $5 actionable, $6 when the issuer warned, $7 when it was observed, $8 event id. What
-- was decided about it stays.
INSERT INTO fraud_warnings (id, livemode, payment_id, fraud_type, actionable, warned_at, observed_at, event_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id, livemode) DO UPDATE SET
    payment_id = excluded.payment_id, fraud_type = excluded.fraud_type, actionable = excluded.actionable, warned_at = excluded.warned_at,
    observed_at = excluded.observed_at, event_id = excluded.event_id;
