-- The catalog in memory.

-- name: read_catalog_state
-- A hash of all rows of both tables, without the stock. It depends on nothing but them: equal catalogs have it on every server. The
-- hash of a row is a sum over its columns, so it is hashed once more: otherwise two rows that exchange a value have the same sum as
-- before. The stock changes with every order, so it comes apart, as a JSON object of free pieces by sku, or null if nothing is counted.
SELECT concat_ws(' ',
    (SELECT sum(hashint8extended(hash_record_extended(
        ROW(sku, name, description, image_url, unit_amount, currency, available, position, images), 0), 0)) FROM products),
    '/', (SELECT sum(hashint8extended(hash_record_extended(discounts, 0), 0)) FROM discounts)) AS state,
    (SELECT json_object_agg(sku, free) FROM stock_levels) AS free;
