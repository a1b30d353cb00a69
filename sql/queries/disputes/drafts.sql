-- The drafts of disputes' evidence.

-- name: read_dispute_draft
-- $1 dispute id, $2 livemode.
SELECT texts, saved_by, saved_at FROM dispute_drafts WHERE dispute_id = $1 AND livemode = $2 AND texts IS NOT NULL;

-- name: save_dispute_draft
-- $1 dispute id, $2 livemode, $3 order id, $4 texts as JSON, or null to discard it, $5 who.
INSERT INTO dispute_drafts (dispute_id, livemode, order_id, texts, saved_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (dispute_id, livemode) DO UPDATE SET
    order_id = excluded.order_id, texts = excluded.texts, saved_by = excluded.saved_by, saved_at = clock_timestamp();

-- name: read_submitted_texts
-- $1 dispute id, $2 livemode. What was last submitted, as JSON; null once it was erased.
SELECT texts FROM dispute_requests WHERE dispute_id = $1 AND livemode = $2 AND act = 'submit' AND status IS NOT NULL
ORDER BY started_at DESC LIMIT 1;

-- name: read_dispute_desk
-- $1 dispute id, $2 livemode. One row: the draft, and the last request.
SELECT draft.saved_by, draft.saved_at, asked.act, asked.operator, asked.started_at, asked.answered_at, asked.error
FROM (SELECT) AS one
LEFT JOIN dispute_drafts AS draft ON draft.dispute_id = $1 AND draft.livemode = $2 AND draft.texts IS NOT NULL
LEFT JOIN LATERAL (
    SELECT act, operator, started_at, answered_at, error FROM dispute_requests WHERE dispute_id = $1 AND livemode = $2
    ORDER BY started_at DESC LIMIT 1
) AS asked ON true;
