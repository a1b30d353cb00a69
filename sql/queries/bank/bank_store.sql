-- The balance at Stripe as we have read it.

-- name: write_balance_lines
-- $1 to $16 the columns of the lines. What Stripe lists again changes only what it did not tell before.
INSERT INTO balance_transactions AS ours (id, livemode, type, category, amount, fee, net, currency, exchange_rate, source_id, source_amount,
                                          source_currency, payment_id, payout_id, created_at, available_on)
SELECT DISTINCT ON (id) *
FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::numeric[],
            $10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::timestamptz[], $16::timestamptz[])
    AS found (id, livemode, type, category, amount, fee, net, currency, exchange_rate, source_id, source_amount, source_currency,
              payment_id, payout_id, created_at, available_on)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET (amount, fee, net, payment_id, payout_id, available_on) = (
    excluded.amount, excluded.fee, excluded.net, coalesce(excluded.payment_id, ours.payment_id),
    coalesce(excluded.payout_id, ours.payout_id), excluded.available_on)
WHERE (ours.amount, ours.fee, ours.net, ours.available_on) <> (excluded.amount, excluded.fee, excluded.net, excluded.available_on)
    OR ours.payout_id IS DISTINCT FROM coalesce(excluded.payout_id, ours.payout_id)
    OR ours.payment_id IS DISTINCT FROM coalesce(excluded.payment_id, ours.payment_id)
RETURNING id;

-- name: write_payouts
-- $1 to $10 the columns of the payouts.
INSERT INTO payouts AS ours (id, livemode, amount, currency, status, automatic, reconciliation, failure_code, created_at, arrives_at)
SELECT DISTINCT ON (id) *
FROM unnest($1::text[], $2::boolean[], $3::bigint[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[], $9::timestamptz[],
            $10::timestamptz[])
    AS found (id, livemode, amount, currency, status, automatic, reconciliation, failure_code, created_at, arrives_at)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET (status, reconciliation, failure_code, arrives_at) = (
    excluded.status, excluded.reconciliation, excluded.failure_code, excluded.arrives_at)
WHERE (ours.status, ours.reconciliation, ours.arrives_at) <> (excluded.status, excluded.reconciliation, excluded.arrives_at)
    OR ours.failure_code IS DISTINCT FROM excluded.failure_code
RETURNING id;

-- name: payouts_to_read
-- $1 livemode, $2 limit. Payouts whose lines Stripe has complete and we have not read, the oldest first.
SELECT id FROM payouts
WHERE lines_read_at IS NULL AND automatic AND reconciliation = 'completed' AND livemode = $1
ORDER BY created_at, id LIMIT $2;

-- name: note_lines_read
-- $1 payout, $2 when.
UPDATE payouts SET lines_read_at = $2 WHERE id = $1;
