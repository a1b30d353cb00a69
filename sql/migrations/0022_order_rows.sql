-- oldest code: 1

-- An order as it is listed and shown: the columns that every list, lookup and page of orders selects.
--
-- To add a column to orders that is shown, write a new migration:
--     ALTER TABLE orders ADD COLUMN ...;
--     CREATE OR REPLACE VIEW order_rows WITH (security_invoker = true) AS SELECT <all columns, the new one last> FROM orders;
-- The new column must come last, and WITH must be repeated, or the option is reset. Older code ignores columns that it does not
-- know. Then add the field to `Order` (checkout_daemon/model/orders.py).
--
-- security_invoker and the grant let a role that may read `orders` read the view too, and no other role.
CREATE VIEW order_rows WITH (security_invoker = true) AS
SELECT id, number, status, attention, currency, amount_subtotal, amount_discount, amount_total, amount_refunded, customer_name,
       customer_email, customer_phone, discount_code, livemode, created_at, updated_at, paid_at
FROM orders;
GRANT SELECT ON order_rows TO PUBLIC;
