-- What a merge writes.

-- name: record_facts
-- The rows of each table as text (database/cells.py), $15 payloads as cells, $16 channel to notify. See sql/schema.sql.
SELECT record_facts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);
