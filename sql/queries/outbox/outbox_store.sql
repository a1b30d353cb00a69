-- The outbox: the messages that are owed, which process sends them, and their outcome.

-- name: owe_messages
-- $1 order id or null, $2 kind, $3 subject id, $4 channels, $5 payload or null. Returns the ids of messages not owed before.
INSERT INTO outbox (order_id, kind, subject_id, channel, payload)
SELECT $1::uuid, $2, $3, channel, $5 FROM unnest($4::text[]) AS channel
ON CONFLICT (order_id, kind, subject_id, channel) DO NOTHING
RETURNING id;

-- name: claim_messages
-- $1 channel, $2 limit, $3 seconds of the lease. Claim due messages: nobody else gets them until the lease ends.
WITH due AS (
    SELECT id FROM outbox
    WHERE channel = $1 AND status IN ('queued', 'failed') AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE outbox SET claim = gen_random_uuid(), attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $3)
FROM due WHERE outbox.id = due.id
RETURNING outbox.id, order_id, kind, subject_id, channel, payload, attempts, created_at, claim;

-- name: record_delivery
-- $1 id, $2 claim, $3 status, $4 error or null, $5 seconds until the next attempt. Nothing happens if the claim was lost.
UPDATE outbox SET
    status = $3, last_error = $4, next_attempt_at = now() + make_interval(secs => $5),
    sent_at = CASE WHEN $3 = 'sent' THEN now() ELSE sent_at END
WHERE id = $1 AND claim = $2;

-- name: skip_unconfigured_messages
-- $1 channel, $2 owed before, $3 reason
UPDATE outbox SET status = 'skipped', last_error = $3
WHERE channel = $1 AND status IN ('queued', 'failed') AND next_attempt_at <= now() AND created_at < $2;

-- name: count_messages
-- Waiting and dead messages, and the age of the oldest, by channel and status.
SELECT channel, status, count(*) AS messages, extract(epoch FROM now() - min(created_at))::double precision AS oldest_seconds
FROM outbox WHERE status IN ('queued', 'failed') GROUP BY channel, status
UNION ALL
SELECT channel, status, count(*), extract(epoch FROM now() - min(created_at))::double precision
FROM outbox WHERE status IN ('failed', 'dead') AND status = 'dead' GROUP BY channel, status;

-- name: list_messages
-- Newest first. $1 since, $2 and $3 created_at and id of the last message of the previous page, $4 limit, $5 statuses or null,
-- $6 kinds or null, $7 channels or null
SELECT id, order_id, kind, subject_id, channel, status, attempts, created_at, next_attempt_at, sent_at, last_error
FROM outbox
WHERE created_at >= $1 AND (created_at, id) < ($2, $3)
    AND ($5::text[] IS NULL OR status = ANY($5)) AND ($6::text[] IS NULL OR kind = ANY($6))
    AND ($7::text[] IS NULL OR channel = ANY($7))
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: list_unhappy_messages
-- The same for failed and dead messages.
SELECT id, order_id, kind, subject_id, channel, status, attempts, created_at, next_attempt_at, sent_at, last_error
FROM outbox
WHERE status IN ('failed', 'dead') AND created_at >= $1 AND (created_at, id) < ($2, $3)
    AND status = ANY($5::text[]) AND ($6::text[] IS NULL OR kind = ANY($6)) AND ($7::text[] IS NULL OR channel = ANY($7))
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: list_messages_of_order
-- The same for the order $8.
SELECT id, order_id, kind, subject_id, channel, status, attempts, created_at, next_attempt_at, sent_at, last_error
FROM outbox
WHERE order_id = $8::uuid AND created_at >= $1 AND (created_at, id) < ($2, $3)
    AND ($5::text[] IS NULL OR status = ANY($5)) AND ($6::text[] IS NULL OR kind = ANY($6))
    AND ($7::text[] IS NULL OR channel = ANY($7))
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: read_message
-- $1 id
SELECT id, order_id, kind, subject_id, channel, status, attempts, created_at, next_attempt_at, sent_at, last_error, payload
FROM outbox WHERE id = $1;

-- name: replay_messages
-- $1 ids. Make messages due again with no attempts used, unless they wait anyway. Returns the ids of those changed.
UPDATE outbox SET status = 'queued', attempts = 0, next_attempt_at = now(), claim = NULL
WHERE id = ANY($1::uuid[]) AND (status IN ('sent', 'dead', 'skipped') OR status = 'failed' AND next_attempt_at > now())
RETURNING id;

-- name: link_state
-- $1 order id, $2 session id. How many mails with this session's link exist, and whether one still waits to be sent.
SELECT count(*) AS made, coalesce(bool_or(status IN ('queued', 'failed')), false) AS waiting
FROM outbox WHERE order_id = $1 AND kind = 'session.link' AND split_part(subject_id, '#', 1) = $2;

-- name: refund_mails
-- $1 order id, $2 refund id. Whether a mail about the refund was sent, and whether one still waits.
SELECT coalesce(bool_or(sent_at IS NOT NULL), false) AS sent, coalesce(bool_or(status IN ('queued', 'failed')), false) AS waiting
FROM outbox
WHERE order_id = $1 AND subject_id = $2 AND channel = 'mail'
    AND kind IN ('order.refunded', 'refund.pending', 'refund.requires_action');

-- name: is_acknowledged
-- $1 order id, $2 attention code, $3 its subject
SELECT EXISTS (SELECT FROM acts WHERE order_id = $1 AND kind = 'acknowledged' AND reason = $2 AND subject = $3);
