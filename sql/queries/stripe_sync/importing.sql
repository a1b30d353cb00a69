-- The import of another system's orders.

-- name: account_of_mode
-- $1 livemode
SELECT id FROM stripe_accounts WHERE livemode = $1;
