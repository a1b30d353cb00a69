-- Reservations of orders that get a new attempt, or are paid later.

-- name: renew_stock
-- $1 order id, $2 attempt, $3 how long it is reserved, $4 what happens if it is paid late. Returns null, or what is short: see
-- sql/schema.sql.
SELECT renew_stock($1, $2, $3, $4);
