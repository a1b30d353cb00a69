-- Alerts to the addresses of CHECKOUT_ALERT_URLS: rows of the channel alert, with the address's name as their endpoint.

-- name: owe_resolved
-- $1 names of addresses. Of the alerts that were sent within 30 days, those whose problem has ended, unless that was reported.
INSERT INTO outbox (order_id, kind, subject_id, channel, endpoint, payload)
SELECT sent.order_id, 'alert.resolved', sent.id || '@' || sent.endpoint, sent.channel, sent.endpoint,
       json_build_object(
           'text', 'Resolved: ' || CASE WHEN sent.kind = 'order.attention'
               THEN 'order ' || number || ' needs no attention any more (' || replace(split_part(sent.subject_id, ':', 1), '_', ' ') || ')'
               ELSE sent.payload::json ->> 'text' END,
           'count', 0, 'subjects', '[]'::json, 'command', '')::text
FROM outbox AS sent LEFT JOIN orders ON orders.id = sent.order_id
WHERE sent.channel = 'alert' AND sent.status = 'sent' AND sent.created_at > now() - interval '30 days'
    AND sent.endpoint = ANY($1::text[]) AND sent.kind NOT IN ('alert.resolved', 'dispute.due')
    AND CASE sent.kind
        WHEN 'order.attention' THEN NOT split_part(sent.subject_id, ':', 1) = ANY(attention)
        WHEN 'receiver.disabled' THEN NOT EXISTS (
            SELECT FROM webhook_endpoints WHERE name = sent.payload::json -> 'subjects' ->> 0 AND disabled_at IS NOT NULL)
        WHEN 'proposal.open' THEN NOT EXISTS (
            SELECT FROM proposals
            WHERE proposals.number = (sent.payload::json -> 'subjects' ->> 0)::bigint AND proposals.status = 'open' AND expires_at > now())
        ELSE NOT EXISTS (SELECT FROM alerts WHERE alerts.kind = sent.kind OR starts_with(alerts.kind, sent.kind || '@')) END
ON CONFLICT (order_id, kind, subject_id, channel) DO NOTHING;

-- name: skip_unknown_pushes
-- $1 channel, $2 names of addresses
UPDATE outbox SET status = 'skipped', last_error = 'its address is not in CHECKOUT_ALERT_URLS any more'
WHERE channel = $1 AND status IN ('queued', 'failed') AND due_at <= now() AND endpoint IS NOT NULL
    AND endpoint <> ALL($2::text[]);
