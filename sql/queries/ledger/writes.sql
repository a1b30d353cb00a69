-- What a merge writes.

-- name: record_facts
-- The rows of each table as text (database/cells.py), $15 payloads as cells, $16 channel to notify. See sql/schema.sql.
SELECT record_facts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: record_facts_and_charges
-- The same with $17 charges, and $18 payments whose charges belong to another order now.
SELECT record_facts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16), record_charges($17, $18);
