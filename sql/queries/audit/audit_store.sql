-- The audit log: a hash chain for each order, and anchors over the heads of all chains.

-- name: read_log_heads
-- $1 order ids. Their rows must be locked, so that nobody else appends.
SELECT order_id, number, hash FROM operator_log_heads WHERE order_id = ANY($1::uuid[]);

-- name: lock_log_of_shop
-- $1 key of the advisory lock, held until the transaction ends: the chain of what is about no order has no row to lock.
SELECT pg_advisory_xact_lock($1::bigint);

-- name: find_log_entry
-- $1 order id, $2 kind, $3 details. The latest such entry.
SELECT order_id, number, at, kind, operator, host, details, before, after, personal, salt, personal_hash, prev_hash, hash
FROM operator_log WHERE order_id = $1 AND kind = $2 AND details = $3 ORDER BY number DESC LIMIT 1;

-- name: append_log_entries
-- As cells (database/cells.py): $1 the new heads, $2 the entries
WITH given AS MATERIALIZED (
    SELECT string_to_array($1, E'\x1d') AS heads, string_to_array($2, E'\x1d') AS entries
), head AS (
    INSERT INTO operator_log_heads (order_id, number, hash)
    SELECT new.* FROM given, unnest(cells(heads[1])::uuid[], cells(heads[2])::integer[], cells(heads[3])::bytea[]) AS new
    ON CONFLICT (order_id) DO UPDATE SET number = excluded.number, hash = excluded.hash
)
INSERT INTO operator_log (order_id, number, at, kind, operator, host, details, before, after, personal, salt, personal_hash,
                          prev_hash, hash)
SELECT new.* FROM given, unnest(
    cells(entries[1])::uuid[], cells(entries[2])::integer[], cells(entries[3])::timestamptz[], cells(entries[4]), cells(entries[5]),
    cells(entries[6]), cells(entries[7]), cells(entries[8]), cells(entries[9]), cells(entries[10]), cells(entries[11])::bytea[],
    cells(entries[12])::bytea[], cells(entries[13])::bytea[], cells(entries[14])::bytea[]) AS new;

-- name: blank_log_personal
-- $1 order id. Delete what names a person; the chain stays valid.
UPDATE operator_log SET personal = NULL, salt = NULL WHERE order_id = $1 AND personal IS NOT NULL;

-- name: blank_log_about
-- $1 chains, $2 batches, $3 items of what is to do, $4 events. Delete what names a person in the chains' entries about these; the chains
-- stay valid.
UPDATE operator_log SET personal = NULL, salt = NULL
WHERE order_id = ANY($1::uuid[]) AND personal IS NOT NULL
    AND (details::jsonb ->> 'batch' = ANY($2::bigint[]::text[]) OR details::jsonb ->> 'item' = ANY($3::text[])
         OR kind = 'event.dismissed' AND details::jsonb ->> 'event' = ANY($4::text[]));

-- name: read_whole_log
-- All chains, each in order, with the number and hash of its stored head.
SELECT log.order_id, log.number, at, kind, operator, host, details, before, after, personal, salt, personal_hash, prev_hash, log.hash,
       head.number AS head_number, head.hash AS head_hash
FROM operator_log AS log LEFT JOIN operator_log_heads AS head ON head.order_id = log.order_id
ORDER BY log.order_id, log.number;

-- name: read_log_of_order
-- $1 order id
SELECT order_id, number, at, kind, operator, host, details, before, after, personal, salt, personal_hash, prev_hash, hash
FROM operator_log WHERE order_id = $1 ORDER BY number;

-- name: newest_log_entries
-- $1 order id or null, $2 kinds or null, $3 a part of the operator's name or null, $4 since and $5 until, or null, $6 limit,
-- $7 to $9 time, chain and number of the last entry of the previous page, or null
SELECT order_id, number, at, kind, operator, host, details, before, after, personal, salt, personal_hash, prev_hash, hash
FROM operator_log
WHERE ($1::uuid IS NULL OR order_id = $1) AND ($2::text[] IS NULL OR kind = ANY($2)) AND ($4::timestamptz IS NULL OR at >= $4)
  AND ($5::timestamptz IS NULL OR at < $5) AND ($3::text IS NULL OR strpos(lower(operator || '@' || host), lower($3)) > 0)
  AND ($7::timestamptz IS NULL OR at <= $7 AND (at < $7 OR order_id > $8::uuid OR order_id = $8::uuid AND number < $9::integer))
ORDER BY at DESC, order_id, number DESC LIMIT $6;

-- name: read_log_entry
-- $1 order id, $2 number
SELECT order_id, number, at, kind, operator, host, details, before, after, personal, salt, personal_hash, prev_hash, hash
FROM operator_log WHERE order_id = $1 AND number = $2;

-- name: acted_in_batch
-- $1 order id, $2 kind, $3 number of a batch
SELECT EXISTS (SELECT FROM operator_log WHERE order_id = $1 AND kind = $2 AND (details::jsonb ->> 'batch')::bigint = $3);

-- name: lost_log_heads
-- Heads, stored or anchored, that have no matching entry: entries were cut off or rewritten.
SELECT head.order_id::text, head.number FROM operator_log_heads AS head
LEFT JOIN operator_log AS log ON log.order_id = head.order_id AND log.number = head.number
WHERE log.hash IS DISTINCT FROM head.hash
UNION
SELECT head.order_id::text, head.number FROM anchored_heads AS head
LEFT JOIN operator_log AS log ON log.order_id = head.order_id AND log.number = head.number
WHERE log.hash IS DISTINCT FROM head.hash
ORDER BY order_id, number;

-- name: lock_anchors
-- $1 key of the advisory lock. Returns false while another daemon makes an anchor.
SELECT pg_try_advisory_xact_lock($1::bigint);

-- name: last_anchor
SELECT number, hash, key_id FROM anchors ORDER BY number DESC LIMIT 1;

-- name: loose_log_heads
-- $1 limit. Heads that another transaction is changing are left to the next anchor.
SELECT order_id, number, hash FROM operator_log_heads WHERE anchored < number ORDER BY order_id LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: insert_anchor
-- $1 number, $2 at, $3 previous hash, $4 hash, $5 its key's id, $6 order ids, $7 numbers and $8 hashes of the heads covered
WITH anchor AS (
    INSERT INTO anchors (number, at, prev_hash, hash, key_id) VALUES ($1, $2, $3, $4, $5) RETURNING number
), covered AS (
    INSERT INTO anchored_heads (anchor, order_id, number, hash)
    SELECT anchor.number, head.order_id, head.number, head.hash
    FROM anchor, unnest($6::uuid[], $7::integer[], $8::bytea[]) AS head (order_id, number, hash)
)
UPDATE operator_log_heads AS held SET anchored = head.number
FROM unnest($6::uuid[], $7::integer[]) AS head (order_id, number) WHERE held.order_id = head.order_id;

-- name: read_anchors
-- Each anchor with the heads that it covers.
SELECT number, at, prev_hash, hash, key_id, (
    SELECT json_agg(json_build_array(head.order_id, head.number, encode(head.hash, 'hex')) ORDER BY head.order_id)
    FROM anchored_heads AS head WHERE head.anchor = anchors.number) AS heads
FROM anchors ORDER BY number;

-- name: loosen_log_heads
-- Have all heads anchored again, because a signing key was added.
UPDATE operator_log_heads SET anchored = 0 WHERE anchored > 0;

-- name: anchors_after
-- $1 number, $2 limit
SELECT number, at, hash FROM anchors WHERE number > $1 ORDER BY number LIMIT $2;

-- name: traces_in_changes
-- $1 causes that write one line for each action. Lines from before the audit log existed do not count.
SELECT order_id::text, cause, actor, count(*) AS count FROM order_changes
WHERE cause = ANY($1::text[]) AND actor LIKE '%@%' AND at >= (SELECT min(applied_at) FROM schema_migrations WHERE version >= 2)
GROUP BY order_id, cause, actor;

-- name: traces_in_acts
SELECT DISTINCT order_id::text, kind, actor FROM acts
WHERE kind IN ('canceled', 'acknowledged', 'shipped') AND actor LIKE '%@%'
  AND at >= (SELECT min(applied_at) FROM schema_migrations WHERE version >= 2);

-- name: traces_in_requests
SELECT id::text, order_id::text, payment_id, amount, currency FROM refund_requests;
