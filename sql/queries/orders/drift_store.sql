-- What differs from Stripe and was not applied.

-- name: record_drift
-- $1 order id, $2 differences as JSON
INSERT INTO drifts (order_id, differences) VALUES ($1, $2)
ON CONFLICT (order_id) DO UPDATE SET
    differences = excluded.differences, compared_at = now(),
    found_at = CASE WHEN drifts.differences = excluded.differences THEN drifts.found_at ELSE now() END;

-- name: forget_drift
-- $1 order id
DELETE FROM drifts WHERE order_id = $1;

-- name: put_off_drift
-- $1 order id, which cannot be compared now: it is again once it has changed.
UPDATE drifts SET compared_at = now() WHERE order_id = $1;

-- name: drifts_to_compare
-- $1 livemode, $2 limit. Orders that have changed since they were compared: they may agree by now.
SELECT order_id FROM drifts JOIN orders ON orders.id = order_id
WHERE livemode = $1 AND updated_at > compared_at ORDER BY compared_at LIMIT $2;
