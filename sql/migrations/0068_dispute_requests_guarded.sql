-- oldest code: 1

-- Requests about disputes could be emptied, redirected, delayed or closed in SQL by a login that may only view. `shown_status` is the
-- dispute's status when the operator confirmed it: nothing is sent under another.
ALTER TABLE dispute_requests ADD COLUMN shown_status text;
ALTER TABLE dispute_requests
    ADD CONSTRAINT dispute_requests_frozen CHECK (act = 'accept' OR texts IS NOT NULL OR answered_at IS NOT NULL);

CREATE OR REPLACE FUNCTION check_dispute_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF own IS NULL THEN
            RETURN NEW;
        END IF;
        IF NOT has_operator_role(own, 'act') THEN
            RAISE EXCEPTION '% may not answer disputes', own USING ERRCODE = 'insufficient_privilege';
        END IF;
        -- What is erased with its customer may go once there is an answer; the uploaded file is recorded once.
        IF (NEW.id, NEW.dispute_id, NEW.livemode, NEW.order_id, NEW.act, NEW.operator, NEW.started_at, NEW.shown_status)
                IS DISTINCT FROM
                (OLD.id, OLD.dispute_id, OLD.livemode, OLD.order_id, OLD.act, OLD.operator, OLD.started_at, OLD.shown_status)
            OR (NEW.texts IS DISTINCT FROM OLD.texts AND (NEW.texts IS NOT NULL OR OLD.answered_at IS NULL))
            OR (NEW.receipt IS DISTINCT FROM OLD.receipt AND (NEW.receipt IS NOT NULL OR OLD.answered_at IS NULL))
            OR (OLD.receipt_file IS NOT NULL AND NEW.receipt_file IS DISTINCT FROM OLD.receipt_file)
            OR NEW.attempts NOT IN (OLD.attempts, OLD.attempts + 1) OR NEW.tries NOT IN (OLD.tries, OLD.tries + 1)
            OR (NEW.next_attempt_at IS DISTINCT FROM OLD.next_attempt_at AND NEW.next_attempt_at > now() + interval '1 day')
            OR (OLD.answered_at IS NOT NULL AND (NEW.answered_at, NEW.status) IS DISTINCT FROM (OLD.answered_at, OLD.status))
            OR (OLD.answered_at IS NOT NULL AND NEW.error IS DISTINCT FROM OLD.error
                AND (OLD.error IS NULL OR NEW.error IS DISTINCT FROM 'erased'))
        THEN
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
ALTER FUNCTION check_dispute_request() SECURITY DEFINER;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION check_dispute_request() SET search_path = %I, pg_temp', current_schema());
END $$;
CREATE OR REPLACE TRIGGER dispute_requests_allowed BEFORE INSERT OR UPDATE ON dispute_requests
    FOR EACH ROW EXECUTE FUNCTION check_dispute_request();
