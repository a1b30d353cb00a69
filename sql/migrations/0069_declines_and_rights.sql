-- oldest code: 1

-- Declined payments of orders that were paid in the end slow nobody down: not of an email, and not of an address with few orders either.
CREATE OR REPLACE FUNCTION count_declines(of_email text, of_orders uuid[]) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN greatest(
        (SELECT count(*) FROM stripe_events
         WHERE type || '' = 'payment_intent.payment_failed' AND received_at >= now() - interval '1 hour'
            AND order_id IN (
                SELECT id FROM (
                    SELECT id, status FROM orders WHERE lower(customer_email) = lower(of_email) AND of_email <> ''
                    ORDER BY created_at DESC LIMIT 100) AS latest
                WHERE status IN ('pending', 'processing', 'failed', 'expired', 'canceled'))),
        (SELECT count(*) FROM stripe_events
         WHERE type || '' = 'payment_intent.payment_failed' AND received_at >= now() - interval '1 hour'
            AND order_id = ANY(ARRAY(
                SELECT id FROM orders
                WHERE id = ANY(of_orders) AND status || '' IN ('pending', 'processing', 'failed', 'expired', 'canceled')))));
END $$;

-- Migrations 0039 and 0053 let everybody who reads orders read these tables, and after that `checkout db migrate` gave no other right to
-- whoever had one. Who may write to every table that is written with an order gets the rights that they have on orders.
DO $$
DECLARE
    repair record;
BEGIN
    FOR repair IN
        SELECT format('GRANT %s ON %I TO %I', string_agg(given.privilege_type, ', '), ours.relname, rolname) AS statement
        FROM pg_class AS known
            CROSS JOIN LATERAL aclexplode(known.relacl) AS given
            JOIN pg_roles ON pg_roles.oid = given.grantee
            JOIN pg_class AS ours ON ours.oid IN ('charges'::regclass, 'order_shipping'::regclass, 'order_taxes'::regclass)
        WHERE known.oid = 'orders'::regclass AND given.grantee <> known.relowner
            AND given.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
            AND has_table_privilege(given.grantee, ours.oid, 'SELECT')
            AND NOT has_table_privilege(given.grantee, ours.oid, given.privilege_type)
            AND NOT EXISTS (
                SELECT FROM unnest(ARRAY['order_items', 'session_attempts', 'links', 'payments', 'refunds', 'stripe_events',
                                         'order_changes', 'outbox']) AS written (older)
                WHERE NOT has_table_privilege(given.grantee, written.older, given.privilege_type))
        GROUP BY ours.relname, rolname
    LOOP
        EXECUTE repair.statement;
    END LOOP;
END $$;

-- Migration 0059 left out when a token was made, which decides whether a disabled operator's is in use, and in whose name.
CREATE OR REPLACE TRIGGER api_tokens_by_admins
    BEFORE INSERT OR UPDATE OF id, name, scopes, secret_hash, created_by, created_at, expires_at, revoked_at, revoked_by ON api_tokens
    FOR EACH ROW EXECUTE FUNCTION check_administration();
