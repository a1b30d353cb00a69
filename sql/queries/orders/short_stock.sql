-- name: short_stock
-- $1 limit. Products of which more is reserved than there is, and since when their stock is as it is.
SELECT level.sku, level.stock, level.reserved, level.free, coalesce(last.at, now()) AS since
FROM stock_levels AS level
LEFT JOIN LATERAL (SELECT at FROM stock_movements WHERE sku = level.sku ORDER BY seq DESC LIMIT 1) AS last ON true
WHERE level.free < 0 ORDER BY level.free, level.sku LIMIT $1;
