-- The catalog in memory.

-- name: read_catalog_state
-- A hash of all rows of both tables. It depends on nothing but them: equal catalogs have it on every server. The hash of a row is
-- a sum over its columns, so it is hashed once more: otherwise two rows that exchange a value have the same sum as before.
SELECT concat_ws(' ',
    (SELECT sum(hashint8extended(hash_record_extended(products, 0), 0)) FROM products),
    '/', (SELECT sum(hashint8extended(hash_record_extended(discounts, 0), 0)) FROM discounts));
