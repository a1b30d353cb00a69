-- Orders of another system.

-- name: insert_imported_order
-- $1 id, $2 currency, $3 subtotal, $4 discount, $5 total, $6 name, $7 email, $8 phone, $9 livemode, $10 created_at, $11 what it is made
-- from, $12 skus, $13 names, $14 descriptions, $15 unit amounts, $16 quantities, $17 amounts, $18 line discounts. Returns its number.
-- Its discount was another system's, so no coupon of ours is to be deleted.
WITH items AS (
    INSERT INTO order_items (order_id, position, sku, name, description, unit_amount, quantity, amount, amount_discount)
    SELECT $1::uuid, item.position, item.sku, item.name, item.description, item.unit_amount, item.quantity, item.amount,
           item.amount_discount
    FROM unnest($12::text[], $13::text[], $14::text[], $15::bigint[], $16::integer[], $17::bigint[], $18::bigint[])
        WITH ORDINALITY AS item (sku, name, description, unit_amount, quantity, amount, amount_discount, position)
)
INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email, customer_phone,
                    livemode, created_at, coupon_deleted_at, imported_from)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now(), $11)
RETURNING number;

-- name: skip_imported_messages
-- $1 order id, $2 why
UPDATE outbox SET status = 'skipped', last_error = $2 WHERE order_id = $1 AND status = 'queued';

-- name: nodes_of_orders
-- $1 ids of sessions, PaymentIntents and charges. Those that an order has: directly, or through its PaymentIntent.
SELECT wanted.id FROM unnest($1::text[]) AS wanted (id)
WHERE EXISTS (SELECT FROM checkout_sessions WHERE checkout_sessions.id = wanted.id AND order_id IS NOT NULL)
    OR EXISTS (SELECT FROM payments WHERE payments.id = wanted.id AND order_id IS NOT NULL);
