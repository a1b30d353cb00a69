-- What needs a person.

-- name: todo_orders
-- $1 livemode, $2 now, $3 an unanswered dispute that is due before this is shown even if it was acknowledged, $4 limit, $5 whether the
-- orders with a snooze, or those without, $6 one order's id instead of both kinds, or null, $7 currencies without decimals, $8 those with
-- three. The orders, those with the nearest deadline
-- first, then the largest; each with how many there are, the objects that may need attention (as in read_order_view), the charges (those
-- that succeeded first, then the latest), what was acknowledged, and the last note of an operator.
WITH urgent AS MATERIALIZED (
    SELECT payments.order_id, min(due_by) FILTER (WHERE due_by > $2) AS due_by,
           coalesce(bool_or(due_by > $2 AND due_by < $3), false) AS soon
    FROM disputes JOIN payments ON payments.id = payment_id
    WHERE status IN ('warning_needs_response', 'needs_response', 'appeal_needs_response') AND livemode = $1
        AND payments.order_id IS NOT NULL AND ($6::uuid IS NULL OR payments.order_id = $6)
    GROUP BY payments.order_id
), asking AS (
    SELECT id, amount_total, currency, livemode FROM orders WHERE attention <> '{}' AND $6::uuid IS NULL
    UNION
    SELECT id, amount_total, currency, livemode FROM orders WHERE id IN (SELECT order_id FROM urgent WHERE soon)
    UNION
    SELECT id, amount_total, currency, livemode FROM orders WHERE id = $6 AND attention <> '{}'
), first AS MATERIALIZED (
    SELECT asking.id, urgent.due_by,
           amount_total / CASE WHEN currency = ANY($7::text[]) THEN 1.0 WHEN currency = ANY($8::text[]) THEN 1000.0 ELSE 100.0 END AS units,
           count(*) OVER () AS total
    FROM asking LEFT JOIN urgent ON urgent.order_id = asking.id
    WHERE livemode = $1
        AND ($6::uuid IS NOT NULL OR $5 = (asking.id IN (SELECT order_id FROM order_care WHERE snoozed_until > $2)))
    ORDER BY urgent.due_by NULLS LAST, units DESC, asking.id LIMIT $4
)
SELECT first.total, row_to_json(terms) AS order, tried.lines AS charges, paid.lines AS payments, paid.refunds, paid.disputes, warned.lines AS fraud_warnings, opened.lines AS sessions, act.lines AS acknowledged,
       remark.lines AS remark, row_to_json(care) AS care, short.lines AS oversold
FROM first
JOIN order_rows AS terms ON terms.id = first.id
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object(
               'id', seen.id, 'session_id', null, 'amount', seen.amount, 'currency', seen.currency, 'livemode', seen.livemode,
               'paid_at', seen.paid_at, 'valid', seen.valid) ORDER BY seen.paid_at, seen.id, seen.amount) AS lines,
           (SELECT json_agg(json_build_object(
                       'id', refund.id, 'payment_id', payment_id, 'amount', amount, 'currency', refund.currency, 'status', status,
                       'created_at', created_at,
                       'unknown', CASE WHEN unknown_at IS NOT NULL AND (known_at IS NULL OR known_at <= unknown_at) THEN unknown_words END)
                       ORDER BY created_at, refund.id)
            FROM refunds AS refund
            WHERE refund.livemode = terms.livemode AND payment_id IN (SELECT id FROM payments WHERE order_id = terms.id)) AS refunds,
           (SELECT json_agg(json_build_object(
                       'id', dispute.id, 'payment_id', payment_id, 'status', status, 'reason', reason, 'amount', amount,
                       'currency', dispute.currency, 'due_by', dispute.due_by, 'unknown', unknown_words,
                       'funds', CASE WHEN reinstated_at >= coalesce(withdrawn_at, reinstated_at) THEN 'reinstated'
                                     WHEN withdrawn_at IS NOT NULL THEN 'withdrawn' END) ORDER BY created_at, dispute.id)
            FROM disputes AS dispute
            WHERE dispute.livemode = terms.livemode AND payment_id IN (SELECT id FROM payments WHERE order_id = terms.id)) AS disputes
    FROM (
        SELECT payments.id, amount, currency, livemode, paid_at,
               coalesce(bool_and((amount, currency, livemode) = (terms.amount_total, terms.currency, terms.livemode))
                            OVER (PARTITION BY payments.id), false) AS valid
        FROM payments LEFT JOIN payment_observations ON payment_id = payments.id WHERE order_id = terms.id
    ) AS seen
) AS paid
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object(
               'id', warning.id, 'payment_id', warning.payment_id, 'fraud_type', fraud_type, 'actionable', actionable,
               'amount', (SELECT max(amount) FROM payment_observations AS seen WHERE seen.payment_id = warning.payment_id),
               'currency', terms.currency, 'warned_at', warned_at, 'observed_at', warning.observed_at, 'created_at', warning.created_at,
               'decision', decision, 'decided_at', decided_at) ORDER BY warning.created_at, warning.id) AS lines
    FROM fraud_warnings AS warning
    WHERE warning.livemode = terms.livemode AND payment_id IN (SELECT id FROM payments WHERE order_id = terms.id)
) AS warned
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object(
               'id', id, 'payment_id', payment_id, 'status', status, 'created_at', created_at, 'method', method, 'brand', brand,
               'last4', last4, 'decline_code', decline_code, 'decline_message', nullif(decline_message, ''))
               ORDER BY status = 'succeeded' DESC, created_at DESC, id DESC) AS lines
    FROM charges WHERE order_id = terms.id AND livemode = terms.livemode
) AS tried
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object(
               'id', id, 'attempt', attempt, 'status', status, 'payment_status', outcome, 'url', null, 'expires_at', expires_at,
               'created_at', created_at,
               'unknown', CASE WHEN unknown_at IS NOT NULL AND (known_at IS NULL OR known_at <= unknown_at) THEN unknown_words END)
               ORDER BY attempt, created_at, id) AS lines
    FROM checkout_sessions WHERE order_id = terms.id AND livemode = terms.livemode
) AS opened
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array(reason, subject)) AS lines FROM acts WHERE order_id = terms.id AND kind = 'acknowledged'
) AS act
CROSS JOIN LATERAL (
    SELECT string_agg(quantity || ' × ' || sku, ', ' ORDER BY sku) AS lines
    FROM stock_reservations WHERE order_id = terms.id AND state = 'oversold'
) AS short
LEFT JOIN LATERAL (
    SELECT json_build_array(note, actor, at) AS lines FROM order_changes
    WHERE order_id = terms.id AND note <> '' AND actor LIKE '%@%' AND cause LIKE 'order.%' ORDER BY seq DESC LIMIT 1
) AS remark ON true
LEFT JOIN order_care AS care ON care.order_id = terms.id
ORDER BY first.due_by NULLS LAST, first.units DESC, first.id;

-- name: todo_stuck
-- $1 livemode, $2 the latest expires_at of a session that should have ended, $3 the latest created_at of an order that has been
-- processing for too long, $4 limit, $5 now, $6 whether the orders with a snooze, or those without, $7 one order's id instead of both
-- kinds, or null, $8 currencies without decimals, $9 those with three
WITH found AS (
    SELECT order_id, min(id) AS session_id, min(expires_at) AS since FROM checkout_sessions
    WHERE status = 'open' AND expires_at < $2 AND order_id IS NOT NULL AND livemode = $1 AND ($7::uuid IS NULL OR order_id = $7)
    GROUP BY order_id
    UNION ALL
    SELECT id, NULL, created_at FROM orders
    WHERE status = 'processing' AND created_at < $3 AND livemode = $1 AND ($7::uuid IS NULL OR id = $7)
), first AS MATERIALIZED (
    SELECT found.*,
           amount_total / CASE WHEN currency = ANY($8::text[]) THEN 1.0 WHEN currency = ANY($9::text[]) THEN 1000.0 ELSE 100.0 END AS units,
           count(*) OVER () AS total
    FROM found JOIN orders ON orders.id = order_id
    WHERE $7::uuid IS NOT NULL OR $6 = (order_id IN (SELECT order_id FROM order_care WHERE snoozed_until > $5))
    ORDER BY units DESC, order_id LIMIT $4
)
SELECT first.total, row_to_json(terms) AS order, first.session_id, first.since, remark.lines AS remark, row_to_json(care) AS care
FROM first
JOIN order_rows AS terms ON terms.id = first.order_id
LEFT JOIN LATERAL (
    SELECT json_build_array(note, actor, at) AS lines FROM order_changes
    WHERE order_id = terms.id AND note <> '' AND actor LIKE '%@%' AND cause LIKE 'order.%' ORDER BY seq DESC LIMIT 1
) AS remark ON true
LEFT JOIN order_care AS care ON care.order_id = terms.id
ORDER BY first.units DESC, terms.id;

-- name: todo_unshipped
-- $1 livemode, $2 now, $3 limit, $4 whether the orders with a snooze, or those without, $5 one order's id instead of both kinds, or null.
-- Orders that are paid and must be sent.
WITH first AS MATERIALIZED (
    SELECT id AS order_id, paid_at, count(*) OVER () AS total
    FROM orders
    WHERE amount_shipping IS NOT NULL AND shipped_at IS NULL AND paid_at IS NOT NULL AND status IN ('completed', 'partially_refunded')
        AND livemode = $1 AND ($5::uuid IS NULL OR id = $5)
        AND ($5::uuid IS NOT NULL OR $4 = (id IN (SELECT order_id FROM order_care WHERE snoozed_until > $2)))
    ORDER BY paid_at, id LIMIT $3
)
SELECT first.total, row_to_json(terms) AS order, sent.label, sent.country, remark.lines AS remark, row_to_json(care) AS care
FROM first
JOIN order_rows AS terms ON terms.id = first.order_id
LEFT JOIN order_shipping AS sent ON sent.order_id = terms.id
LEFT JOIN LATERAL (
    SELECT json_build_array(note, actor, at) AS lines FROM order_changes
    WHERE order_id = terms.id AND note <> '' AND actor LIKE '%@%' AND cause LIKE 'order.%' ORDER BY seq DESC LIMIT 1
) AS remark ON true
LEFT JOIN order_care AS care ON care.order_id = terms.id
ORDER BY first.paid_at, terms.id;

-- name: todo_drifts
-- $1 livemode, $2 now, $3 limit, $4 whether the orders with a snooze, or those without, $5 one order's id instead of both kinds, or null,
-- $6 currencies without decimals, $7 those with three
WITH first AS MATERIALIZED (
    SELECT drifts.order_id, found_at, differences,
           amount_total / CASE WHEN currency = ANY($6::text[]) THEN 1.0 WHEN currency = ANY($7::text[]) THEN 1000.0 ELSE 100.0 END AS units,
           count(*) OVER () AS total
    FROM drifts JOIN orders ON orders.id = order_id
    WHERE livemode = $1 AND ($5::uuid IS NULL OR order_id = $5)
        AND ($5::uuid IS NOT NULL OR $4 = (order_id IN (SELECT order_id FROM order_care WHERE snoozed_until > $2)))
    ORDER BY units DESC, order_id LIMIT $3
)
SELECT first.total, row_to_json(terms) AS order, first.found_at, first.differences, remark.lines AS remark, row_to_json(care) AS care
FROM first
JOIN order_rows AS terms ON terms.id = first.order_id
LEFT JOIN LATERAL (
    SELECT json_build_array(note, actor, at) AS lines FROM order_changes
    WHERE order_id = terms.id AND note <> '' AND actor LIKE '%@%' AND cause LIKE 'order.%' ORDER BY seq DESC LIMIT 1
) AS remark ON true
LEFT JOIN order_care AS care ON care.order_id = terms.id
ORDER BY first.units DESC, terms.id;
