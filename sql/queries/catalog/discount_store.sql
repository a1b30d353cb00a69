-- Discount codes.

-- name: list_discounts
SELECT code, percent_off, amount_off, currency, minimum_subtotal, starts_at, ends_at, redemption_limit
FROM discounts ORDER BY code;

-- name: find_discount
-- $1 code
SELECT code, percent_off, amount_off, currency, minimum_subtotal, starts_at, ends_at, redemption_limit
FROM discounts WHERE code = $1;

-- name: lock_discount
-- $1 code
SELECT code, percent_off, amount_off, currency, minimum_subtotal, starts_at, ends_at, redemption_limit
FROM discounts WHERE code = $1 FOR UPDATE;

-- name: count_redemptions
-- $1 code. Failed, expired and canceled orders return their redemption. The condition is that of the index orders_redeeming.
SELECT count(*) FROM orders WHERE discount_code = $1 AND status NOT IN ('failed', 'expired', 'canceled');

-- name: upsert_discounts
-- $1 codes, $2 percent off, $3 amounts off, $4 currencies, $5 minimum subtotals, $6 starts, $7 ends, $8 redemption limits
INSERT INTO discounts (code, percent_off, amount_off, currency, minimum_subtotal, starts_at, ends_at, redemption_limit)
SELECT * FROM unnest(
    $1::text[], $2::numeric[], $3::bigint[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::integer[])
ON CONFLICT (code) DO UPDATE SET
    percent_off = excluded.percent_off, amount_off = excluded.amount_off, currency = excluded.currency,
    minimum_subtotal = excluded.minimum_subtotal, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    redemption_limit = excluded.redemption_limit, updated_at = now();
