-- oldest code: 1

-- A refund that an operator asks Stripe for: written before the call, so that a crash can finish it. Its id is the idempotency key.
CREATE TABLE refund_requests (
    id              uuid PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    payment_id      text NOT NULL,
    amount          bigint NOT NULL,
    currency        text NOT NULL,
    parameters      text NOT NULL,         -- JSON, frozen: what Stripe gets, at each try
    started_at      timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,  -- when a job goes on with it, if there is no answer by then
    attempts        integer NOT NULL DEFAULT 0,
    answered_at     timestamptz,
    refund_id       text,                  -- Stripe's answer,
    error           text,                  -- or its refusal
    CONSTRAINT refund_requests_amount CHECK (amount > 0),
    CONSTRAINT refund_requests_answer CHECK ((answered_at IS NULL) = (num_nonnulls(refund_id, error) = 0))
);
-- One at a time: two that were asked at once could give back more than is left.
CREATE UNIQUE INDEX refund_requests_unanswered ON refund_requests (order_id) WHERE answered_at IS NULL;
CREATE INDEX refund_requests_due ON refund_requests (next_attempt_at) WHERE answered_at IS NULL;
CREATE INDEX refund_requests_of_order ON refund_requests (order_id, started_at);
