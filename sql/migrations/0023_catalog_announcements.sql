-- oldest code: 1

-- The functions of this release, in a database that an earlier release has restored over: it drops only those that it knows.
DROP ROUTINE IF EXISTS
    announce_catalog, cells, count_declines, delete_observations_of_payment, delete_rows_of_order, load_facts, place_order, rare_trigrams,
    record_facts, record_only_session, trigram_shares
CASCADE;

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
