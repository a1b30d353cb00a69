-- oldest code: 1

-- Amounts up to the largest that Stripe charges in any currency; the program knows the limit of each.
ALTER TABLE products DROP CONSTRAINT products_unit_amount_range,
    ADD CONSTRAINT products_unit_amount_range CHECK (unit_amount BETWEEN 0 AND 999999999999);
ALTER TABLE discounts DROP CONSTRAINT discounts_amount_range,
    ADD CONSTRAINT discounts_amount_range CHECK (amount_off BETWEEN 1 AND 999999999999);
