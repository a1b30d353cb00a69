-- oldest code: 1

-- All pictures of a product, the first being image_url; empty if there are not several. An older release leaves them as they are.
ALTER TABLE products ADD COLUMN images text[] NOT NULL DEFAULT '{}';

CREATE OR REPLACE TRIGGER products_announced
    AFTER INSERT OR UPDATE OF sku, name, description, image_url, unit_amount, currency, available, position, images
        OR DELETE OR TRUNCATE
    ON products FOR EACH STATEMENT EXECUTE FUNCTION announce_catalog();
