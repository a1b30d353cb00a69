-- Batches: an act on many orders, events or messages, done in sequence by one process at a time.

-- name: insert_batch
-- $1 act, $2 options, $3 note, $4 operator, $5 host, $6 livemode or null, $7 holder, $8 length of its lease. The items as arrays:
-- $9 subjects, $10 order ids, $11 objects, $12 amounts, $13 currencies, $14 refusals: such an item is skipped from the start.
WITH batch AS (
    INSERT INTO batches (act, options, note, operator, host, livemode, total, skipped, holder, leased_until)
    VALUES ($1, $2, $3, $4, $5, $6, cardinality($9::text[]), num_nonnulls(VARIADIC $14::text[]), $7, now() + $8::interval)
    RETURNING number
), items AS (
    INSERT INTO batch_items (batch, position, subject, order_id, object_id, amount, currency, status, outcome, ended_at)
    SELECT batch.number, item.position, item.subject, item.order_id, item.object_id, item.amount, item.currency,
           CASE WHEN item.refusal IS NULL THEN 'waiting' ELSE 'skipped' END, item.refusal,
           CASE WHEN item.refusal IS NOT NULL THEN now() END
    FROM batch, unnest($9::text[], $10::uuid[], $11::text[], $12::bigint[], $13::text[], $14::text[]) WITH ORDINALITY
        AS item (subject, order_id, object_id, amount, currency, refusal, position)
)
SELECT number FROM batch;

-- name: claim_batch
-- $1 number, $2 holder, $3 length of the lease, $4 whether to take it from the process that holds it. Returns no row if another
-- process holds it, or if it is finished.
UPDATE batches SET holder = $2, leased_until = now() + $3::interval, status = 'running', why = NULL
WHERE number = $1 AND status <> 'finished' AND ($4 OR leased_until IS NULL OR leased_until < now())
RETURNING number;

-- name: claim_left_batch
-- $1 holder, $2 length of the lease, $3 livemode of our key. Claim the oldest running batch that no process holds.
UPDATE batches SET holder = $1, leased_until = now() + $2::interval
WHERE number = (
    SELECT number FROM batches
    WHERE status = 'running' AND (leased_until IS NULL OR leased_until < now()) AND (livemode IS NULL OR livemode = $3)
    ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING number;

-- name: release_batch
-- $1 number, $2 holder, $3 why it stops, or null to leave it to a daemon. A batch whose items have all ended is finished.
WITH left_over AS (
    SELECT EXISTS (SELECT FROM batch_items WHERE batch = $1 AND batch_items.status = 'waiting') AS waits
)
UPDATE batches SET
    holder = NULL, leased_until = NULL,
    status = CASE WHEN NOT waits THEN 'finished' WHEN status = 'running' AND $3::text IS NOT NULL THEN 'stopped' ELSE status END,
    why = CASE WHEN waits THEN coalesce(why, $3) END,
    ended_at = CASE WHEN NOT waits THEN now() END
FROM left_over WHERE number = $1 AND holder = $2;

-- name: stop_batch
-- $1 number, $2 why. Returns no row unless it was running. The item under way is ended first.
UPDATE batches SET status = 'stopped', why = $2 WHERE number = $1 AND status = 'running' RETURNING number;

-- name: begin_batch_item
-- $1 batch, $2 holder, $3 length of the lease, which is renewed. Return the next item with the batch's note, which may have been erased
-- since the batch began; or no row if no item is left, the batch was stopped, or another process took it over.
WITH held AS (
    UPDATE batches SET leased_until = now() + $3::interval WHERE number = $1 AND holder = $2 AND status = 'running' RETURNING number, note
)
UPDATE batch_items SET attempts = attempts + 1, begun_at = coalesce(begun_at, now())
WHERE (batch, position) = (
    SELECT batch, position FROM held JOIN batch_items ON batch = held.number
    WHERE batch_items.status = 'waiting' ORDER BY position LIMIT 1)
RETURNING batch, position, id, subject, order_id, object_id, amount, currency, status, kind, outcome, attempts, begun_at, ended_at,
          (SELECT note FROM held) AS note;

-- name: next_batch_items
-- $1 batch, $2 holder, $3 limit. The next items, under the same conditions and with the note, for acts that change nothing if they are
-- repeated.
SELECT batch, position, id, subject, order_id, object_id, amount, currency, item.status, kind, outcome, attempts, begun_at, item.ended_at,
       note
FROM batches JOIN batch_items AS item ON batch = number
WHERE number = $1 AND holder = $2 AND batches.status = 'running' AND item.status = 'waiting' ORDER BY position LIMIT $3;

-- name: end_batch_items
-- $1 batch, $2 holder, $3 length of the lease, which is renewed. The ended items as arrays: $4 positions, $5 statuses, $6 kinds of
-- failures, $7 outcomes. The batch stops at the first failure of a kind. Returns the items; none if another process took the batch over.
WITH ended AS MATERIALIZED (
    SELECT * FROM unnest($4::integer[], $5::text[], $6::text[], $7::text[]) AS ended (position, status, kind, outcome)
), unknown AS (
    SELECT kind FROM ended WHERE status = 'failed' AND NOT EXISTS (
        SELECT FROM batch_items AS other WHERE other.batch = $1 AND other.status = 'failed' AND other.kind = ended.kind)
    ORDER BY position LIMIT 1
), held AS (
    UPDATE batches SET
        done = done + (SELECT count(*) FROM ended WHERE status = 'done'),
        failed = failed + (SELECT count(*) FROM ended WHERE status = 'failed'),
        skipped = skipped + (SELECT count(*) FROM ended WHERE status = 'skipped'),
        leased_until = now() + $3::interval,
        why = CASE WHEN status = 'running' THEN (SELECT kind FROM unknown) ELSE why END,
        status = CASE WHEN status = 'running' AND EXISTS (SELECT FROM unknown) THEN 'stopped' ELSE status END
    WHERE number = $1 AND holder = $2 RETURNING number
)
UPDATE batch_items AS item SET status = ended.status, kind = ended.kind, outcome = ended.outcome, ended_at = now()
FROM held, ended WHERE item.batch = held.number AND item.position = ended.position
RETURNING item.batch, item.position, item.id, item.subject, item.order_id, item.object_id, item.amount, item.currency, item.status,
          item.kind, item.outcome, item.attempts, item.begun_at, item.ended_at;

-- name: read_batch
-- $1 number. `approval`: the status of its proposal, if no operator may do it alone.
SELECT batches.number, batches.act, options, batches.note, operator, batches.host, livemode, batches.status, why, total, done, failed,
       skipped, created_at, ended_at, holder AS runner, coalesce(leased_until >= now(), false) AS held, proposal.number AS proposal,
       CASE WHEN proposal.status = 'open' AND expires_at <= now() THEN 'expired' ELSE proposal.status END AS approval
FROM batches LEFT JOIN proposals AS proposal ON proposal.batch = batches.number
WHERE batches.number = $1;

-- name: list_batches
-- $1 statuses or null, $2 numbers below, $3 limit, $4 acts or null, $5 a part of who asked, or null, $6 since, or null, $7 until, or null,
-- $8 an order's id, or null. Newest first, with the columns of read_batch.
SELECT batches.number, batches.act, options, batches.note, operator, batches.host, livemode, batches.status, why, total, done, failed,
       skipped, created_at, ended_at, holder AS runner, coalesce(leased_until >= now(), false) AS held, proposal.number AS proposal,
       CASE WHEN proposal.status = 'open' AND expires_at <= now() THEN 'expired' ELSE proposal.status END AS approval
FROM batches LEFT JOIN proposals AS proposal ON proposal.batch = batches.number
WHERE batches.number < $2 AND ($1::text[] IS NULL OR batches.status = ANY($1)) AND ($4::text[] IS NULL OR batches.act = ANY($4))
    AND ($5::text IS NULL OR strpos(lower(operator || '@' || batches.host), lower($5)) > 0)
    AND ($6::timestamptz IS NULL OR created_at >= $6) AND ($7::timestamptz IS NULL OR created_at < $7)
    AND ($8::uuid IS NULL OR batches.number IN (SELECT batch_items.batch FROM batch_items WHERE batch_items.order_id = $8))
ORDER BY batches.number DESC LIMIT $3;

-- name: list_batch_items
-- $1 batch, $2 statuses or null, $3 positions above, $4 limit. In sequence.
SELECT batch, position, id, subject, order_id, object_id, amount, currency, status, kind, outcome, attempts, begun_at, ended_at
FROM batch_items WHERE batch = $1 AND position > $3 AND ($2::text[] IS NULL OR status = ANY($2)) ORDER BY position LIMIT $4;

-- name: sum_batch_items
-- $1 batch. The money of the items by currency: all of it, and that of the items that were done.
SELECT currency, sum(amount)::bigint AS amount, (coalesce(sum(amount) FILTER (WHERE status = 'done'), 0))::bigint AS done
FROM batch_items WHERE batch = $1 AND currency IS NOT NULL GROUP BY currency ORDER BY currency;

-- name: count_batch_failures
-- $1 batch. The kinds of failures, the most frequent first.
SELECT kind, count(*) AS count FROM batch_items WHERE batch = $1 AND status = 'failed' GROUP BY kind ORDER BY count DESC, kind;

-- name: approval_of_batch
-- $1 number. The proposal of a batch that no operator may do alone; its status shows whether it was approved.
SELECT number, proposed_by, status FROM proposals WHERE batch = $1;
