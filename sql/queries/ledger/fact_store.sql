-- Facts about Stripe objects. They are joined in Python (ledger/facts.py), under the locks taken here.

-- name: load_facts
-- Lists as cells: $1 hashes of the nodes, ascending, $2 nodes, $3 order ids, $5 event ids; $4 whether some update names no order. See
-- sql/schema.sql. Then the reservations of the orders, and the fraud warnings about the payments.
SELECT facts.*, load_reservations(facts.locked_orders), load_fraud_warnings(facts.held_payments)
FROM load_facts($1, $2, $3, $4, $5) AS facts;

-- name: load_facts_and_charges
-- The same with the charges of the payments $6, as cells. load_charges is volatile: it reads what was committed before the locks held.
SELECT facts.*, load_reservations(facts.locked_orders), load_fraud_warnings(facts.held_payments), load_charges($6)
FROM load_facts($1, $2, $3, $4, $5) AS facts;

-- name: load_links
-- $1 nodes and orders; returns all links of everything connected with them, also through orders: an order is only right with
-- all of its sessions and payments. OFFSET 0 makes the planner use the index, whatever number of rows it expects.
WITH RECURSIVE connected (node) AS (
    SELECT unnest($1::text[])
    UNION
    SELECT near.node
    FROM connected
    CROSS JOIN LATERAL (
        SELECT target_id AS node FROM links WHERE source_id = connected.node
        UNION ALL
        SELECT source_id AS node FROM links WHERE target_id = connected.node
        OFFSET 0
    ) AS near
)
SELECT link.source_id, link.target_id, link.rank
FROM connected
CROSS JOIN LATERAL (
    SELECT source_id, target_id, rank FROM links WHERE source_id = connected.node OFFSET 0
) AS link;
