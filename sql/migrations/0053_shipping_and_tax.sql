-- oldest code: 1

-- What it costs to send an order, and the tax that its total includes, as they were when it was placed. Orders of a shop that states neither
-- have null, and no row in the tables below. A daemon of an older release reads and merges such orders as before; it opens no new session
-- for one that is sent, because Stripe's total would differ.
ALTER TABLE orders ADD COLUMN amount_shipping bigint, ADD COLUMN amount_tax bigint, ADD COLUMN shipped_at timestamptz;
ALTER TABLE orders DROP CONSTRAINT IF EXISTS orders_amounts;
ALTER TABLE orders ADD CONSTRAINT orders_amounts CHECK (
    amount_subtotal >= 0 AND amount_discount >= 0 AND amount_total >= 0 AND amount_refunded >= 0
    AND amount_total = amount_subtotal - amount_discount + coalesce(amount_shipping, 0)
    AND coalesce(amount_shipping, 0) >= 0 AND coalesce(amount_tax, 0) BETWEEN 0 AND amount_total) NOT VALID;
CREATE OR REPLACE VIEW order_rows WITH (security_invoker = true) AS
SELECT id, number, status, attention, currency, amount_subtotal, amount_discount, amount_total, amount_refunded, customer_name,
       customer_email, customer_phone, discount_code, livemode, created_at, updated_at, paid_at, imported_from, amount_shipping,
       amount_tax, shipped_at
FROM orders;

-- How and where to an order is sent. Of the address only the country is known until Stripe's page has asked for the rest, and again once
-- the customer was erased.
CREATE TABLE order_shipping (
    order_id        uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    rate            text NOT NULL,             -- its name in shop.toml
    label           text NOT NULL,             -- as the shopper saw it
    estimate        text NOT NULL DEFAULT '',
    name            text NOT NULL DEFAULT '',  -- of the recipient
    line1           text NOT NULL DEFAULT '',
    line2           text NOT NULL DEFAULT '',
    city            text NOT NULL DEFAULT '',
    state           text NOT NULL DEFAULT '',
    postal_code     text NOT NULL DEFAULT '',
    country         text NOT NULL,
    collected_by    text NOT NULL DEFAULT '',  -- the session whose page asked for the address: of several, the greatest id
    carrier         text NOT NULL DEFAULT '',
    tracking_number text NOT NULL DEFAULT '',
    tracking_url    text NOT NULL DEFAULT '',
    CONSTRAINT order_shipping_country CHECK (country ~ '^[A-Z]{2}$')
);

-- The tax that an order's total includes, by class and rate.
CREATE TABLE order_taxes (
    order_id     uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    position     smallint NOT NULL,
    tax_class    text NOT NULL,
    percent      numeric(6, 3) NOT NULL,
    amount_gross bigint NOT NULL,  -- the part of the total that is taxed so, tax included
    amount       bigint NOT NULL,
    PRIMARY KEY (order_id, position),
    CONSTRAINT order_taxes_amount CHECK (percent > 0 AND amount BETWEEN 0 AND amount_gross)
);

-- A role that may read orders may read these.
DO $$
DECLARE
    reader record;
BEGIN
    FOR reader IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
                  WHERE table_schema = current_schema() AND table_name = 'orders' AND privilege_type = 'SELECT' LOOP
        EXECUTE format('GRANT SELECT ON order_shipping, order_taxes TO %s',
                       CASE WHEN reader.grantee = 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(reader.grantee) END);
    END LOOP;
END $$;

-- concurrently
ALTER TABLE orders VALIDATE CONSTRAINT orders_amounts;
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_to_ship ON orders (paid_at) WHERE amount_shipping IS NOT NULL AND shipped_at IS NULL;
