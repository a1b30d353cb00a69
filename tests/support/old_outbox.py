"""Statements of the release before endpoints, which may run next to this one."""

from __future__ import annotations

OLD_CLAIM = """
WITH due AS (
    SELECT id FROM outbox
    WHERE channel = $1 AND status IN ('queued', 'failed') AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE outbox SET
    claim = gen_random_uuid(), attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $3)
FROM due WHERE outbox.id = due.id
RETURNING outbox.id, order_id, kind, subject_id, channel, payload, attempts, created_at, claim
"""
OLD_REPLAY = """
UPDATE outbox SET status = 'queued', attempts = 0, next_attempt_at = now(), claim = NULL
WHERE id = ANY($1::uuid[]) AND (status IN ('sent', 'dead', 'skipped', 'dismissed')
    OR status = 'failed' AND next_attempt_at > now())
RETURNING id
"""
