-- oldest code: 4

-- A message is a row for each channel that it goes by; what is claimed has a lease. Rows from before keep their age, so that
-- nobody hears of what is long past.
ALTER TABLE outbox
    ALTER COLUMN order_id DROP NOT NULL,
    ADD COLUMN channel text,
    ADD COLUMN payload text,
    ADD COLUMN claim uuid,
    DROP CONSTRAINT outbox_once,
    DROP CONSTRAINT outbox_status_known;
UPDATE outbox SET channel = 'webhook', next_attempt_at = coalesce(next_attempt_at, now());
INSERT INTO outbox (order_id, kind, subject_id, channel, created_at, next_attempt_at)
SELECT order_id, kind, subject_id, 'mail', created_at, now() FROM outbox WHERE kind <> 'refund.failed';
ALTER TABLE outbox
    ALTER COLUMN channel SET NOT NULL,
    ALTER COLUMN next_attempt_at SET DEFAULT now(),
    ALTER COLUMN next_attempt_at SET NOT NULL,
    ADD CONSTRAINT outbox_once UNIQUE NULLS NOT DISTINCT (order_id, kind, subject_id, channel),
    ADD CONSTRAINT outbox_status_known CHECK (status IN ('queued', 'sent', 'failed', 'dead', 'skipped')),
    ADD CONSTRAINT outbox_channel_known CHECK (channel IN ('mail', 'alert', 'webhook'));
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (channel, next_attempt_at) WHERE status IN ('queued', 'failed');
CREATE INDEX outbox_unhappy ON outbox (status, created_at DESC, id DESC) WHERE status IN ('failed', 'dead');
