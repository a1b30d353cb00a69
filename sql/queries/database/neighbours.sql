-- What other programs keep in the same database.

-- name: neighbours
-- $1 names of our tables and views, and $2 whether the schema holds ours at all. Tables, views and sequences of others, without what
-- extensions and the system bring: their schema, name, and whether the schema is ours. The partitions of payloads are ours.
SELECT namespace.nspname AS schema, other.relname AS name, namespace.nspname = current_schema() AS in_ours
FROM pg_class AS other JOIN pg_namespace AS namespace ON namespace.oid = other.relnamespace
WHERE other.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
    AND NOT ($2 AND namespace.nspname = current_schema()
             AND (other.relname = ANY ($1::text[]) OR other.relname ~ '^stripe_event_payloads_'))
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = other.oid AND deptype = 'e')
    -- The sequence of an identity column belongs to whom its table belongs.
    AND NOT (other.relkind = 'S' AND EXISTS (SELECT FROM pg_depend WHERE objid = other.oid AND deptype IN ('a', 'i')))
ORDER BY namespace.nspname, other.relname;
