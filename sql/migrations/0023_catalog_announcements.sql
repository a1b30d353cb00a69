-- oldest code: 1

-- Every change of the catalog is announced, whoever makes it, because daemons keep the catalog in memory.
CREATE FUNCTION announce_catalog() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('checkout_catalog', '');
    RETURN NULL;
END $$;
CREATE TRIGGER products_announced AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON products
    FOR EACH STATEMENT EXECUTE FUNCTION announce_catalog();
CREATE TRIGGER discounts_announced AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON discounts
    FOR EACH STATEMENT EXECUTE FUNCTION announce_catalog();
