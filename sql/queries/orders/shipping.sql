-- What operators state about orders that were sent.

-- name: is_erased
-- $1 order id, whose row must be locked for an answer that lasts
SELECT erased_at IS NOT NULL FROM orders WHERE id = $1;

-- name: record_parcel
-- $1 order id, whose row must be locked; $2 carrier, $3 number, $4 URL. No row if exactly that is known. The row of the order that has no
-- address any more is missing, too: it is made.
INSERT INTO order_shipping (order_id, rate, label, country, carrier, tracking_number, tracking_url)
SELECT id, '', '', 'ZZ', $2, $3, $4 FROM orders WHERE id = $1::uuid
ON CONFLICT (order_id) DO UPDATE SET carrier = $2, tracking_number = $3, tracking_url = $4
WHERE (order_shipping.carrier, order_shipping.tracking_number, order_shipping.tracking_url) <> ($2, $3, $4)
    OR EXISTS (SELECT FROM orders WHERE id = $1::uuid AND shipped_at IS NULL)
RETURNING order_id;

-- name: record_shipped
-- $1 order id, $2 actor, $3 carrier
WITH shipped AS (
    INSERT INTO acts (order_id, kind, reason, actor) VALUES ($1::uuid, 'shipped', $3, $2)
)
UPDATE orders SET shipped_at = coalesce(shipped_at, now()), updated_at = now() WHERE id = $1::uuid;

-- name: count_shipped
-- $1 order id
SELECT count(*) FROM acts WHERE order_id = $1 AND kind = 'shipped';
