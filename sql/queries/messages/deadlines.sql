-- Disputes that must be answered soon.

-- name: disputes_near_deadline
-- $1 now, $2 livemode, $3 how long before its deadline each dispute is alerted to. The shortest of these spans that has begun, for each
-- unanswered dispute that was known before the span began, unless that alert is owed already.
SELECT dispute.id, payments.order_id::text, due.before
FROM disputes AS dispute
JOIN payments ON payments.id = dispute.payment_id
CROSS JOIN LATERAL (SELECT min(span) AS before FROM unnest($3::interval[]) AS span WHERE dispute.due_by - span <= $1) AS due
WHERE dispute.status IN ('warning_needs_response', 'needs_response', 'appeal_needs_response') AND dispute.due_by > $1
    AND dispute.livemode = $2 AND payments.order_id IS NOT NULL
    AND due.before IS NOT NULL AND dispute.created_at <= dispute.due_by - due.before
    AND NOT EXISTS (
        SELECT FROM outbox WHERE order_id = payments.order_id AND kind = 'dispute.due'
            AND subject_id = dispute.id || ':' || extract(day FROM due.before) || 'd')
ORDER BY dispute.due_by, dispute.id;
