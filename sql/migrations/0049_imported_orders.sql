-- oldest code: 1

-- The session (cs_), PaymentIntent (pi_) or charge (ch_) of another system that an order was made from: checkout import stripe.
ALTER TABLE orders ADD COLUMN imported_from text;
CREATE OR REPLACE VIEW order_rows WITH (security_invoker = true) AS
SELECT id, number, status, attention, currency, amount_subtotal, amount_discount, amount_total, amount_refunded, customer_name,
       customer_email, customer_phone, discount_code, livemode, created_at, updated_at, paid_at, imported_from
FROM orders;
