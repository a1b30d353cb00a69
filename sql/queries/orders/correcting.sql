-- Correcting a customer's email and phone.

-- name: correct_order
-- $1 order id, whose row must be locked, $2 email, $3 phone. A trigger keeps the text that searches look through.
UPDATE orders SET customer_email = $2, customer_phone = $3, updated_at = now() WHERE id = $1::uuid;
