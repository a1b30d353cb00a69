-- Proposals. The triggers on the table refuse what no operator may do.

-- name: insert_proposal
-- $1 id, $2 act, $3 order id or null, $4 batch or null, $5 payment, $6 amount, $7 currency, $8 items as JSON, $9 reason, $10 note,
-- $11 operator, $12 host, $13 hours until it expires, $14 whether items go back into stock. Its state is that of the order now. Returns null if the id exists.
INSERT INTO proposals (id, act, order_id, batch, payment_id, amount, currency, items, reason, note, state, proposed_by, host, expires_at,
                       restock)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', $11, $12, now() + $13::integer * interval '1 hour', $14)
ON CONFLICT (id) DO NOTHING RETURNING number;

-- name: read_proposals
-- $1 numbers, or null for all, $2 statuses or null, $3 order id or null, $4 numbers below this, $5 limit; $6, $7 made since and before, or
-- null. Newest first.
SELECT * FROM (
    SELECT proposal.number, proposal.id, proposal.act, proposal.order_id, orders.number AS order_number, proposal.batch, proposal.payment_id,
           proposal.amount, proposal.currency, proposal.items, proposal.reason, proposal.restock, proposal.note, state,
           CASE WHEN proposal.status = 'open' THEN proposal.state IS DISTINCT FROM proposal_state(proposal.order_id, proposal.batch) ELSE false END
               AS is_changed,
           proposed_by, proposal.host, proposed_at, expires_at,
           CASE
               WHEN proposal.status = 'open' AND expires_at <= now() THEN 'expired'
               WHEN proposal.status <> 'approved' THEN proposal.status
               WHEN request.refund_id IS NOT NULL OR proposal.act = 'cancel' AND orders.status = 'canceled' OR batches.status = 'finished' THEN 'done'
               WHEN request.error IS NOT NULL THEN 'failed'
               ELSE 'approved'
           END AS status,
           decided_by, decided_at, coalesce(outcome, request.refund_id, request.error) AS outcome
    FROM proposals AS proposal
        LEFT JOIN orders ON orders.id = proposal.order_id
        LEFT JOIN batches ON batches.number = proposal.batch
        LEFT JOIN refund_requests AS request ON request.id = proposal.id
    WHERE ($1::bigint[] IS NULL OR proposal.number = ANY($1)) AND ($3::uuid IS NULL OR proposal.order_id = $3) AND proposal.number < $4
        AND ($6::timestamptz IS NULL OR proposed_at >= $6) AND ($7::timestamptz IS NULL OR proposed_at < $7)
) AS found
WHERE $2::text[] IS NULL OR status = ANY($2) ORDER BY number DESC LIMIT $5;

-- name: proposal_with_id
-- $1 id
SELECT number FROM proposals WHERE id = $1;

-- name: open_proposal_of_order
-- $1 order id, $2 act, $3 amount or null, $4 who proposed it, $5 payment or null, $6 items as JSON or null, $7 whether they go back into
-- stock. The same proposal, if it is open already.
SELECT number FROM proposals
WHERE order_id = $1 AND act = $2 AND amount IS NOT DISTINCT FROM $3 AND proposed_by = $4 AND status = 'open' AND expires_at > now()
  AND payment_id IS NOT DISTINCT FROM $5 AND items IS NOT DISTINCT FROM $6 AND restock = $7
ORDER BY number LIMIT 1;

-- name: lock_proposal
-- $1 number
SELECT number FROM proposals WHERE number = $1 FOR UPDATE;

-- name: decide_proposal
-- $1 number, $2 new status, $3 who decides. Returns no row if it is not open, or somebody else has decided.
UPDATE proposals SET status = $2, decided_by = $3, decided_at = now() WHERE number = $1 AND status = 'open' RETURNING number;

-- name: fail_proposal
-- $1 number, $2 why. One whose order is canceled was carried out, whoever did it. The order is locked before.
UPDATE proposals SET status = 'failed', outcome = $2
WHERE number = $1 AND status = 'approved' AND NOT EXISTS (SELECT FROM orders WHERE id = order_id AND orders.status = 'canceled')
RETURNING number;

-- name: release_proposed_batch
-- $1 batch. A daemon, or who approved it, runs it.
UPDATE batches SET status = 'running', why = NULL, holder = NULL, leased_until = NULL WHERE number = $1 AND status = 'stopped';

-- name: approved_cancellations
-- $1 limit, $2 livemode. Those that were approved and not carried out: whoever approved them died, or Stripe was away.
SELECT proposal.number FROM proposals AS proposal JOIN orders ON orders.id = proposal.order_id
WHERE proposal.status = 'approved' AND proposal.act = 'cancel' AND orders.status <> 'canceled' AND orders.livemode = $2
    AND decided_at < now() - interval '1 minute'
ORDER BY proposal.number LIMIT $1;
