-- oldest code: 1

-- The draft of a dispute's evidence, and what operators asked of Stripe about disputes.
CREATE TABLE dispute_drafts (
    dispute_id text NOT NULL,
    livemode   boolean NOT NULL,
    order_id   uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    texts      text,                  -- JSON: {"customer_name": …}; null: discarded or erased
    saved_by   text NOT NULL,
    saved_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dispute_id, livemode)
);
CREATE INDEX dispute_drafts_of_order ON dispute_drafts (order_id);

-- It is written before Stripe is called, so that it can be finished after a crash. Its id is the idempotency key.
CREATE TABLE dispute_requests (
    id              uuid PRIMARY KEY,
    dispute_id      text NOT NULL,
    livemode        boolean NOT NULL,
    order_id        uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    act             text NOT NULL,
    texts           text,                  -- JSON, frozen: the evidence; null of an acceptance, and once it was erased
    receipt         bytea,                 -- PDF, frozen; null: none
    receipt_file    text,                  -- Stripe's id of it (file_), once it is uploaded
    started_at      timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,  -- when a job resumes it, if there is no answer
    attempts        integer NOT NULL DEFAULT 0,
    tries           integer NOT NULL DEFAULT 0,  -- answers of 5xx so far: each makes its key useless
    operator        text NOT NULL,
    answered_at     timestamptz,
    status          text,                  -- the dispute's, in Stripe's answer,
    error           text,                  -- or Stripe's refusal
    CONSTRAINT dispute_requests_act_known CHECK (act IN ('stage', 'submit', 'accept')),
    CONSTRAINT dispute_requests_evidence CHECK (act <> 'accept' OR (texts IS NULL AND receipt IS NULL)),
    CONSTRAINT dispute_requests_answer CHECK ((answered_at IS NULL) = (num_nonnulls(status, error) = 0))
);
-- One at a time: Stripe takes one submission.
CREATE UNIQUE INDEX dispute_requests_unanswered ON dispute_requests (dispute_id, livemode) WHERE answered_at IS NULL;
CREATE INDEX dispute_requests_due ON dispute_requests (next_attempt_at) WHERE answered_at IS NULL;
CREATE INDEX dispute_requests_of_order ON dispute_requests (order_id, started_at);
CREATE INDEX dispute_requests_of_dispute ON dispute_requests (dispute_id, started_at);

-- As for refund requests: an operator with a login of their own asks in their own name, and only if their role lets them act.
CREATE FUNCTION check_dispute_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- What is erased with its customer, and the file that was uploaded, may change.
        IF own IS NOT NULL AND (
            (NEW.id, NEW.dispute_id, NEW.livemode, NEW.order_id, NEW.act, NEW.operator)
                IS DISTINCT FROM (OLD.id, OLD.dispute_id, OLD.livemode, OLD.order_id, OLD.act, OLD.operator)
            OR NEW.texts <> OLD.texts OR NEW.receipt <> OLD.receipt
            OR (OLD.texts IS NULL AND NEW.texts IS NOT NULL) OR (OLD.receipt IS NULL AND NEW.receipt IS NOT NULL)
            OR (OLD.answered_at IS NOT NULL
                AND (NEW.answered_at, NEW.status, NEW.error) IS DISTINCT FROM (OLD.answered_at, OLD.status, OLD.error))
        ) THEN
            RAISE EXCEPTION 'dispute request % cannot be changed', OLD.id USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF own IS NOT NULL AND NEW.operator <> own THEN
        RAISE EXCEPTION '% cannot answer a dispute as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT has_operator_role(NEW.operator, 'act') THEN
        RAISE EXCEPTION '% may not answer disputes', NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_requests_allowed
    BEFORE INSERT OR UPDATE OF id, dispute_id, livemode, order_id, act, texts, receipt, operator, answered_at, status, error
    ON dispute_requests FOR EACH ROW EXECUTE FUNCTION check_dispute_request();

CREATE FUNCTION check_dispute_draft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF (NEW.saved_by <> own AND NEW.texts IS NOT NULL) OR (own IS NOT NULL AND NOT has_operator_role(own, 'act')) THEN
        RAISE EXCEPTION '% cannot save evidence as %', own, NEW.saved_by USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_drafts_allowed BEFORE INSERT OR UPDATE ON dispute_drafts FOR EACH ROW EXECUTE FUNCTION check_dispute_draft();

DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['check_dispute_request()', 'check_dispute_draft()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', ours, current_schema());
    END LOOP;
END $$;
