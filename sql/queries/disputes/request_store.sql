-- What operators ask of Stripe about disputes, written before Stripe is asked.

-- name: unanswered_dispute_request
-- $1 dispute id, $2 livemode. At most one row.
SELECT id::text, dispute_id, livemode, order_id::text, act, operator, started_at, texts, receipt, receipt_file, attempts, tries, shown_status,
       now() - started_at AS age
FROM dispute_requests WHERE dispute_id = $1 AND livemode = $2 AND answered_at IS NULL;

-- name: insert_dispute_request
-- $1 id, $2 dispute id, $3 livemode, $4 order id, $5 act, $6 texts as JSON or null, $7 receipt or null, $8 started_at, $9 when a job
-- resumes it, $10 operator, $11 the status that was confirmed.
INSERT INTO dispute_requests (id, dispute_id, livemode, order_id, act, texts, receipt, started_at, next_attempt_at, operator, shown_status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: claim_dispute_request
-- $1 time until another process may try, $2 livemode of our key. Claim the request that has waited longest.
UPDATE dispute_requests SET attempts = attempts + 1, next_attempt_at = now() + $1::interval * (attempts + 1)
WHERE id = (
    SELECT due.id FROM dispute_requests AS due WHERE due.answered_at IS NULL AND due.next_attempt_at <= now() AND due.livemode = $2
    ORDER BY due.next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id::text, dispute_id, livemode, order_id::text, act, operator, started_at, texts, receipt, receipt_file, attempts, tries, shown_status,
          now() - started_at AS age;

-- name: claim_named_dispute_request
-- $1 id, $2 time until another process may try. Claim one request, unless it was answered.
UPDATE dispute_requests SET attempts = attempts + 1, next_attempt_at = now() + $2::interval * (attempts + 1)
WHERE id = $1 AND answered_at IS NULL
RETURNING id::text, dispute_id, livemode, order_id::text, act, operator, started_at, texts, receipt, receipt_file, attempts, tries, shown_status,
          now() - started_at AS age;

-- name: record_receipt_file
-- $1 id, $2 file id. The first one stays.
UPDATE dispute_requests SET receipt_file = coalesce(receipt_file, $2) WHERE id = $1 RETURNING receipt_file;

-- name: count_failed_try
-- $1 id, $2 how many tries were counted before. Concurrent processes count the same failure once.
UPDATE dispute_requests SET tries = tries + 1 WHERE id = $1 AND tries = $2;

-- name: answer_dispute_request
-- $1 id, $2 status or null, $3 refusal or null. Returns the id unless the request was answered before.
UPDATE dispute_requests SET answered_at = now(), status = $2, error = $3 WHERE id = $1 AND answered_at IS NULL RETURNING id;
