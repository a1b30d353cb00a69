-- What an export contains in addition to the list of orders.

-- name: read_items_of_orders
-- $1 order ids. Their items in the same sequence.
SELECT order_id, sku, name, unit_amount, quantity, amount, amount_discount
FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place) JOIN order_items ON order_id = wanted.id ORDER BY place, position;
