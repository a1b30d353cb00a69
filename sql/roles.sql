-- Groups of rights, none of which can log in. `checkout db roles` prints this for a database, and `--apply` runs it.
-- Run it as the owner of the tables, who runs `checkout db migrate`; making the roles takes CREATEROLE. A user is put into a group with
-- GRANT group TO user. For groups that may read all tables, those of later migrations get the rights of the table orders.

-- The groups: {daemon} serves; {operator} uses the commands and the terminal; {reader} only looks.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['{daemon}', '{operator}', '{reader}'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA {schema} TO {daemon}, {operator}, {reader};
GRANT SELECT ON {tables} TO {daemon}, {operator}, {reader};
GRANT INSERT, UPDATE ON {tables} TO {daemon}, {operator};
GRANT DELETE ON {tables} TO {daemon};
-- Only these lose rows by what an operator does: an order is erased or agrees with Stripe again, an endpoint is removed.
GRANT DELETE ON {deleted} TO {operator};
GRANT SELECT ON SEQUENCE {sequence} TO {daemon}, {operator}, {reader};
GRANT USAGE, UPDATE ON SEQUENCE {sequence} TO {daemon}, {operator};

-- A daemon notes that a token was used, and can neither make one nor change what it may do.
REVOKE INSERT, UPDATE, DELETE ON {tokens} FROM {daemon};
GRANT UPDATE (last_used_at) ON {tokens} TO {daemon};

-- Who the operators are is for admins among them: a trigger refuses everybody else who has a login of their own.
REVOKE INSERT, UPDATE, DELETE ON {operators} FROM {daemon};

-- Who reads these can sign as the shop, or try tokens out: readers have no use for either.
REVOKE ALL ON {tokens}, {endpoints} FROM {reader};

-- Migrations are for the owner.
REVOKE INSERT, UPDATE, DELETE ON {migrations} FROM {daemon}, {operator};
