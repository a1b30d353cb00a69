-- What needs a person and is about no order alone.

-- name: todo_proposals
-- $1 livemode, $2 now, $3 limit. Those that wait for another operator, the first to expire first, each with how many there are.
SELECT proposal.number, proposal.act, proposal.batch, orders.number AS order_number, orders.customer_name, proposal.amount, proposal.currency,
       proposed_by, proposed_at, expires_at, proposal.note,
       proposal.state IS DISTINCT FROM proposal_state(proposal.order_id, proposal.batch) AS is_changed, count(*) OVER () AS total
FROM proposals AS proposal
LEFT JOIN orders ON orders.id = proposal.order_id
LEFT JOIN batches ON batches.number = proposal.batch
WHERE proposal.status = 'open' AND expires_at > $2 AND coalesce(orders.livemode, batches.livemode) = $1
ORDER BY expires_at, proposal.number LIMIT $3;
