-- The Stripe accounts that our keys belong to.

-- name: own_accounts
SELECT id FROM stripe_accounts;

-- name: count_unattributed
-- $1 since. Events ignored as another account's although ours is not known yet.
SELECT count(*) FROM stripe_events
WHERE received_at >= $1 AND order_id IS NULL AND reason = 'other_account' AND NOT EXISTS (SELECT FROM stripe_accounts);

-- name: remember_account
-- $1 id, $2 livemode. Returns the id if it is new.
INSERT INTO stripe_accounts (livemode, id) VALUES ($2, $1)
ON CONFLICT (livemode) DO UPDATE SET id = excluded.id, learnt_at = now() WHERE stripe_accounts.id <> excluded.id
RETURNING id;

-- name: reconsider_events_naming
-- $1 account id. Schedule again the events that were ignored as another account's and whose payload names this one.
WITH naming AS (
    SELECT event.id FROM stripe_events AS event JOIN stripe_event_payloads AS held
        ON held.event_id = event.id AND held.received_at = event.received_at
    WHERE order_id IS NULL AND event.reason = 'other_account' AND strpos(held.payload, $1) > 0
    ORDER BY event.id FOR NO KEY UPDATE OF event  -- in the sequence of all who lock events
)
UPDATE stripe_events SET status = 'failed', reason = NULL, next_attempt_at = now(), last_error = 'the account was not known yet'
FROM naming WHERE stripe_events.id = naming.id
RETURNING stripe_events.id;
