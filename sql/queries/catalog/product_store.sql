-- The catalog's products. The pictures count only if they begin with image_url: what knows of one picture alone, such as the previous
-- release, may have changed that.

-- name: list_products
-- In display order.
SELECT sku, name, description, image_url, unit_amount, currency, available, stock,
    CASE WHEN images[1] = image_url THEN images ELSE '{}' END AS images
FROM products ORDER BY position, sku;

-- name: find_products
-- $1 skus, $2 key of a lock held until the transaction ends, or null to take none. Later statements see what the previous
-- holder committed.
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock($2::bigint))
SELECT sku, name, description, image_url, unit_amount, currency, available, stock,
    CASE WHEN images[1] = image_url THEN images ELSE '{}' END AS images
FROM turn CROSS JOIN products WHERE sku = ANY ($1::text[]);

-- name: lock_products
-- In the sequence in which orders lock the products that they reserve.
SELECT FROM products ORDER BY sku FOR NO KEY UPDATE;

-- name: upsert_products
-- The stock stays as it is.
-- $1 skus, $2 names, $3 descriptions, $4 image URLs, $5 unit amounts, $6 currencies, $7 available, $8 pictures with a blank between; a new one
-- comes last
INSERT INTO products (sku, name, description, image_url, unit_amount, currency, available, images, position)
SELECT new.sku, new.name, new.description, new.image_url, new.unit_amount, new.currency, new.available,
       string_to_array(new.images, ' '), last.position + new.ordinality
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::boolean[], $8::text[])
        WITH ORDINALITY AS new (sku, name, description, image_url, unit_amount, currency, available, images, ordinality),
    (SELECT coalesce(max(position), -1) AS position FROM products) AS last
ON CONFLICT (sku) DO UPDATE SET
    name = excluded.name, description = excluded.description, image_url = excluded.image_url,
    unit_amount = excluded.unit_amount, currency = excluded.currency, available = excluded.available,
    images = excluded.images, updated_at = now();

-- name: place_products
-- $1 skus in display order
UPDATE products SET position = place.ordinality - 1
FROM unnest($1::text[]) WITH ORDINALITY AS place (sku, ordinality)
WHERE products.sku = place.sku AND products.position <> place.ordinality - 1;

-- name: lock_catalog
-- $1 a constant. One import at a time; reads and orders are not blocked.
SELECT pg_advisory_xact_lock($1::bigint);
