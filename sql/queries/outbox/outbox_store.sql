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

-- name: claim_webhooks
-- The same for the channel webhook, without messages for endpoints. Unless that was done, a message is owed to each endpoint that wants
-- it and was there when the message was owed.
WITH due AS (
    SELECT id, spread FROM outbox
    WHERE channel = $1 AND status IN ('queued', 'failed') AND next_attempt_at <= now() AND endpoint IS NULL
    ORDER BY next_attempt_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox SET
        claim = gen_random_uuid(), attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $3), spread = true
    FROM due WHERE outbox.id = due.id
    RETURNING outbox.id, order_id, kind, subject_id, channel, payload, attempts, created_at, claim, due.spread AS done
), spread AS (
    INSERT INTO outbox (order_id, kind, subject_id, channel, payload, created_at, endpoint, status, last_error)
    SELECT order_id, kind, subject_id || '@' || name, channel, payload, claimed.created_at, name,
           CASE WHEN disabled_at IS NULL THEN 'queued' ELSE 'skipped' END,
           CASE WHEN disabled_at IS NOT NULL THEN 'the endpoint ' || name || ' is disabled' END
    FROM claimed JOIN webhook_endpoints ON webhook_endpoints.created_at <= claimed.created_at
    WHERE NOT done AND (events = '{}' OR kind = ANY(events))
    ON CONFLICT (order_id, kind, subject_id, channel) DO NOTHING
)
SELECT id, order_id, kind, subject_id, channel, payload, attempts, created_at, claim FROM claimed;

-- name: claim_alerts
-- The same for the channel alert: unless that was done, a message is owed to each address whose name is in $4.
WITH due AS (
    SELECT id, spread FROM outbox
    WHERE channel = $1 AND status IN ('queued', 'failed') AND next_attempt_at <= now() AND endpoint IS NULL
    ORDER BY next_attempt_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox SET
        claim = gen_random_uuid(), attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $3), spread = true
    FROM due WHERE outbox.id = due.id
    RETURNING outbox.id, order_id, kind, subject_id, channel, payload, attempts, created_at, claim, due.spread AS done
), spread AS (
    INSERT INTO outbox (order_id, kind, subject_id, channel, payload, created_at, endpoint)
    SELECT order_id, kind, subject_id || '@' || name, channel, payload, claimed.created_at, name
    FROM claimed CROSS JOIN unnest($4::text[]) AS name
    WHERE NOT done
    ON CONFLICT (order_id, kind, subject_id, channel) DO NOTHING
)
SELECT id, order_id, kind, subject_id, channel, payload, attempts, created_at, claim FROM claimed;

-- name: spread_waiting_messages
-- $1 names of addresses. What claim_webhooks and claim_alerts do, for messages that a release without endpoints has claimed, and for
-- those of the last hour that have waited for 5 seconds: their receiver may not answer, and then it is long until they are claimed. All
-- that wait are read each time, so it is only done where there is somebody to spread them to.
WITH claimed_before AS (
    SELECT id FROM outbox
    WHERE NOT spread AND attempts > 0 AND endpoint IS NULL AND channel IN ('webhook', 'alert')
    LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
), late_webhooks AS (
    SELECT id FROM outbox
    WHERE channel = 'webhook' AND status IN ('queued', 'failed') AND NOT spread AND endpoint IS NULL
        AND next_attempt_at > now() - interval '1 hour' AND next_attempt_at < now() - interval '5 seconds'
        AND EXISTS (SELECT FROM webhook_endpoints)
    ORDER BY next_attempt_at DESC LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
), late_alerts AS (
    SELECT id FROM outbox
    WHERE channel = 'alert' AND status IN ('queued', 'failed') AND NOT spread AND endpoint IS NULL
        AND next_attempt_at > now() - interval '1 hour' AND next_attempt_at < now() - interval '5 seconds'
        AND cardinality($1::text[]) > 0
    ORDER BY next_attempt_at DESC LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
), missed AS (
    SELECT id FROM claimed_before UNION SELECT id FROM late_webhooks UNION SELECT id FROM late_alerts
), claimed AS (
    UPDATE outbox SET spread = true WHERE id = ANY(ARRAY(SELECT id FROM missed))
    RETURNING order_id, kind, subject_id, channel, payload, created_at
)
INSERT INTO outbox (order_id, kind, subject_id, channel, payload, created_at, endpoint, status, last_error)
SELECT order_id, kind, subject_id || '@' || name, channel, payload, claimed.created_at, name,
       CASE WHEN disabled_at IS NULL THEN 'queued' ELSE 'skipped' END,
       CASE WHEN disabled_at IS NOT NULL THEN 'the endpoint ' || name || ' is disabled' END
FROM claimed JOIN webhook_endpoints ON webhook_endpoints.created_at <= claimed.created_at
WHERE channel = 'webhook' AND (events = '{}' OR kind = ANY(events))
UNION ALL
SELECT order_id, kind, subject_id || '@' || name, channel, payload, created_at, name, 'queued', NULL
FROM claimed CROSS JOIN unnest($1::text[]) AS name
WHERE channel = 'alert'
ON CONFLICT (order_id, kind, subject_id, channel) DO NOTHING;

-- name: claim_messages_of_endpoint
-- The same as claim_messages for the endpoint $4, of the kinds $5, or of all if it is null. An endpoint gets nothing that was owed to
-- an earlier one of its name.
WITH due AS (
    SELECT id FROM outbox
    WHERE channel = $1 AND status IN ('queued', 'failed') AND due_at <= now() AND endpoint = $4
        AND ($5::text[] IS NULL OR kind = ANY($5))
        AND created_at >= coalesce(
            (SELECT added.created_at FROM webhook_endpoints AS added WHERE name = $4 AND $1 = 'webhook'), '-infinity')
    ORDER BY due_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE outbox SET claim = gen_random_uuid(), attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $3)
FROM due WHERE outbox.id = due.id
RETURNING outbox.id, order_id, kind, subject_id, channel, payload, attempts, created_at, claim, endpoint;

-- name: record_delivery
-- $1 id, $2 claim, $3 status, $4 error or null, $5 seconds until the next attempt. Nothing happens if the claim was lost. What is still
-- queued was not tried.
UPDATE outbox SET
    attempts = attempts - CASE WHEN $3 = 'queued' THEN 1 ELSE 0 END,
    status = $3, last_error = $4, next_attempt_at = now() + make_interval(secs => $5),
    sent_at = CASE WHEN $3 = 'sent' THEN now() ELSE sent_at END
WHERE id = $1 AND claim = $2;

-- name: skip_unconfigured_messages
-- $1 channel, $2 owed before, $3 reason
UPDATE outbox SET status = 'skipped', last_error = $3
WHERE channel = $1 AND status IN ('queued', 'failed') AND next_attempt_at <= now() AND created_at < $2 AND endpoint IS NULL;

-- name: owe_again
-- Queue such messages again whose order counts as paid and is not refunded (any more): a refund failed, or another payment arrived. The
-- order has changed lately, so nothing old is sent. Kind and reason are not parameters, so that every plan can use the index of these
-- messages: a shop without a webhook or mail server has a skipped one for each order.
UPDATE outbox SET status = 'queued', attempts = 0, next_attempt_at = now(), last_error = NULL, claim = NULL
FROM orders
WHERE outbox.status = 'skipped' AND kind = 'order.completed' AND last_error = 'the order is refunded by now' AND orders.id = order_id
    AND paid_at IS NOT NULL AND orders.status <> 'refunded' AND updated_at > now() - interval '1 day';

-- name: count_messages
-- Waiting and dead messages, and the age of the oldest, by channel and status. $1 livemode: without dead ones about orders of the other
-- mode; or null. $2 channels that lack their setting, $3 kinds of alerts that are pushed now, or null for all: what waits for a setting or
-- for the end of the quiet hours is counted, and has no age. $4 how many messages of a channel that lacks its setting are counted at most:
-- every order of some days may have one. Those for an endpoint need no setting: they are due by due_at, see schema.sql.
SELECT wanted.channel, waiting.status, count(*) AS messages,
       extract(epoch FROM now() - min(waiting.created_at) FILTER (
           WHERE (waiting.endpoint IS NOT NULL OR wanted.channel <> ALL($2::text[]))
               AND ($3::text[] IS NULL OR wanted.channel <> 'alert' OR waiting.endpoint IS NULL OR waiting.kind = ANY($3))
       ))::double precision AS oldest_seconds
FROM unnest('{mail,alert,webhook}'::text[]) AS wanted (channel)
CROSS JOIN LATERAL (
    (SELECT outbox.status, outbox.created_at, outbox.kind, outbox.endpoint FROM outbox
     WHERE outbox.channel = wanted.channel AND outbox.status IN ('queued', 'failed') AND outbox.next_attempt_at < '9999-01-01Z'
     LIMIT CASE WHEN wanted.channel = ANY($2::text[]) THEN $4::bigint END)
    UNION ALL
    SELECT outbox.status, outbox.created_at, outbox.kind, outbox.endpoint FROM outbox
    WHERE outbox.channel = wanted.channel AND outbox.status IN ('queued', 'failed') AND outbox.next_attempt_at >= '9999-01-01Z'
) AS waiting
GROUP BY wanted.channel, waiting.status
UNION ALL
SELECT channel, status, count(*), extract(epoch FROM now() - min(created_at))::double precision
FROM outbox
WHERE channel IN ('mail', 'alert', 'webhook') AND status = 'dead'
    AND ($1::boolean IS NULL OR coalesce((SELECT orders.livemode FROM orders WHERE orders.id = outbox.order_id), $1) = $1)
GROUP BY channel, status;

-- name: list_message_groups
-- Failed and dead messages by channel and error and the fingerprint of both, each group with its latest message, and the order if all are
-- about one. $1 livemode: without those about orders of the other mode; or null
SELECT channel, last_error AS error, left(encode(sha256(convert_to(channel || ' ' || coalesce(last_error, ''), 'UTF8')), 'hex'), 8) AS fingerprint, array_agg(DISTINCT kind ORDER BY kind) AS kinds, count(*) AS messages,
       count(*) FILTER (WHERE status = 'dead') AS dead, min(created_at) AS first_at, max(created_at) AS last_at,
       (array_agg(id ORDER BY status, created_at DESC, id DESC))[1] AS example_id,
       CASE WHEN count(DISTINCT order_id) = 1 THEN (SELECT number FROM orders WHERE id = min(order_id::text)::uuid) END AS number
FROM outbox
WHERE channel IN ('mail', 'alert', 'webhook') AND status IN ('failed', 'dead')
    AND ($1::boolean IS NULL OR coalesce((SELECT orders.livemode FROM orders WHERE orders.id = outbox.order_id), $1) = $1)
GROUP BY channel, last_error
ORDER BY last_at DESC, channel, error;

-- name: list_messages
-- Newest first. $1 since, $2 and $3 created_at and id of the last message of the previous page, $4 limit, $5 statuses or null,
-- $6 kinds or null, $7 channels or null, $8 fingerprint (as in list_message_groups) or null. One page for each channel and status, merged.
SELECT page.*, (SELECT number FROM orders WHERE orders.id = order_id) AS number
FROM unnest(coalesce($7::text[], '{mail,alert,webhook}')) AS wanted (channel)
CROSS JOIN unnest(coalesce($5::text[], '{queued,sent,failed,dead,skipped,dismissed}')) AS outcome (status)
CROSS JOIN LATERAL (
    SELECT id, order_id, kind, subject_id, channel, status, attempts, created_at, coalesce(due_at, next_attempt_at) AS next_attempt_at, sent_at, last_error, endpoint
    FROM outbox
    WHERE outbox.channel = wanted.channel AND outbox.status = outcome.status
        AND created_at >= $1 AND (created_at, id) < ($2, $3) AND ($6::text[] IS NULL OR kind = ANY($6))
        AND ($8::text IS NULL OR left(encode(sha256(convert_to(channel || ' ' || coalesce(last_error, ''), 'UTF8')), 'hex'), 8) = $8)
    ORDER BY created_at DESC, id DESC LIMIT $4
) AS page
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: list_messages_of_kind
-- The same for kinds other than order.completed: one page for each kind, channel and status.
SELECT page.*, (SELECT number FROM orders WHERE orders.id = order_id) AS number
FROM unnest($6::text[]) AS sort (kind)
CROSS JOIN unnest(coalesce($7::text[], '{mail,alert,webhook}')) AS wanted (channel)
CROSS JOIN unnest(coalesce($5::text[], '{queued,sent,failed,dead,skipped,dismissed}')) AS outcome (status)
CROSS JOIN LATERAL (
    SELECT id, order_id, kind, subject_id, channel, status, attempts, created_at, coalesce(due_at, next_attempt_at) AS next_attempt_at, sent_at, last_error, endpoint
    FROM outbox
    WHERE outbox.kind <> 'order.completed' AND outbox.kind = sort.kind AND outbox.channel = wanted.channel
        AND outbox.status = outcome.status AND created_at >= $1 AND (created_at, id) < ($2, $3)
        AND ($8::text IS NULL OR left(encode(sha256(convert_to(channel || ' ' || coalesce(last_error, ''), 'UTF8')), 'hex'), 8) = $8)
    ORDER BY created_at DESC, id DESC LIMIT $4
) AS page
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: list_messages_of_order
-- The same for the order $9.
SELECT id, order_id, kind, subject_id, channel, status, attempts, created_at, coalesce(due_at, next_attempt_at) AS next_attempt_at, sent_at, last_error, endpoint,
       (SELECT number FROM orders WHERE orders.id = order_id) AS number
FROM outbox
WHERE order_id = $9::uuid AND created_at >= $1 AND (created_at, id) < ($2, $3)
    AND ($5::text[] IS NULL OR status = ANY($5)) AND ($6::text[] IS NULL OR kind = ANY($6))
    AND ($7::text[] IS NULL OR channel = ANY($7)) AND ($8::text IS NULL OR left(encode(sha256(convert_to(channel || ' ' || coalesce(last_error, ''), 'UTF8')), 'hex'), 8) = $8)
ORDER BY created_at DESC, id DESC LIMIT $4;

-- name: read_message
-- $1 id
SELECT id, order_id, kind, subject_id, channel, status, attempts, created_at, coalesce(due_at, next_attempt_at) AS next_attempt_at, sent_at, last_error, endpoint,
       (SELECT number FROM orders WHERE orders.id = order_id) AS number, payload
FROM outbox WHERE id = $1;

-- name: message_ids_between
-- $1 the first id, $2 the last, $3 limit
SELECT id FROM outbox WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3;

-- name: replay_messages
-- $1 ids, $2 statuses: only those that still have one of these, or null. Make messages due again with no attempts used, unless they wait
-- anyway. Returns the ids of those changed.
UPDATE outbox SET status = 'queued', attempts = 0, next_attempt_at = now(), claim = NULL
WHERE id = ANY($1::uuid[]) AND ($2::text[] IS NULL OR status = ANY($2))
    AND (status IN ('sent', 'dead', 'skipped', 'dismissed') OR status = 'failed' AND coalesce(due_at, next_attempt_at) > now())
RETURNING id;

-- name: message_statuses
-- $1 ids
SELECT id, status FROM outbox WHERE id = ANY($1::uuid[]);

-- name: lock_dead_messages
-- $1 ids. Lock those that are dead until the transaction ends.
SELECT id, order_id FROM outbox WHERE id = ANY($1::uuid[]) AND status = 'dead' ORDER BY id FOR NO KEY UPDATE;

-- name: dismiss_messages
-- $1 ids
UPDATE outbox SET status = 'dismissed' WHERE id = ANY($1::uuid[]);

-- name: send_messages_anew
-- $1 ids. Make messages due now, with no attempts used. Without its claim, an attempt that is under way records nothing.
UPDATE outbox SET status = 'queued', attempts = 0, next_attempt_at = now(), last_error = NULL, claim = NULL WHERE id = ANY($1::uuid[]);

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
