-- oldest code: 1

-- The request that a refund answers: one that appears after its request was given up asks for attention.
ALTER TABLE refunds ADD COLUMN request_id text;

-- Attempts whose key has stored a 5xx or was given up: whether Stripe made a session all the same is looked for, for a day.
CREATE TABLE doubtful_attempts (
    order_id  uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    attempt   integer NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    looked_at timestamptz,  -- when all sessions of that time were last looked through
    closed_at timestamptz,  -- given up: none was made
    PRIMARY KEY (order_id, attempt)
);
CREATE INDEX doubtful_attempts_open ON doubtful_attempts (since) WHERE closed_at IS NULL;
