-- oldest code: 1

-- Ways around an operator's limit in SQL, with the login of an operator: an answered refund request marked as refused, a batch that runs
-- without approval, a proposal that names a smaller sum than its batch comes to, the note of somebody else's proposal.

CREATE OR REPLACE FUNCTION check_refund_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own   text := bound_operator();
    most  bigint;
    spent bigint;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF own IS NOT NULL AND (NEW.id, NEW.order_id, NEW.payment_id, NEW.amount, NEW.currency, NEW.parameters, NEW.operator, NEW.proposal)
            IS DISTINCT FROM (OLD.id, OLD.order_id, OLD.payment_id, OLD.amount, OLD.currency, OLD.parameters, OLD.operator, OLD.proposal) THEN
            RAISE EXCEPTION 'refund request % cannot be changed', OLD.id USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF own IS NOT NULL THEN
        NEW.operator := coalesce(NEW.operator, own);
        IF NEW.operator <> own THEN
            RAISE EXCEPTION '% cannot request a refund as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF (NEW.parameters::jsonb ->> 'amount')::bigint IS DISTINCT FROM NEW.amount
            OR coalesce(NEW.parameters::jsonb ->> 'payment_intent', NEW.parameters::jsonb ->> 'charge') IS DISTINCT FROM NEW.payment_id
            OR NEW.parameters::jsonb - ARRAY['amount', 'payment_intent', 'charge', 'metadata', 'reason'] <> '{}' THEN
            RAISE EXCEPTION 'the parameters of refund request % are not its amount and payment', NEW.id
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    IF NEW.proposal IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM proposals LEFT JOIN batch_items AS item ON item.batch = proposals.batch AND item.id = NEW.id
            WHERE number = NEW.proposal AND proposals.status = 'approved'
                AND coalesce(item.order_id, proposals.order_id) = NEW.order_id
                AND coalesce(item.object_id, proposals.payment_id) = NEW.payment_id
                AND CASE WHEN act = 'batch' THEN item.amount ELSE proposals.amount END = NEW.amount
                AND coalesce(item.currency, proposals.currency) = NEW.currency AND (act = 'batch' OR proposals.id = NEW.id)) THEN
            RAISE EXCEPTION 'proposal % does not allow this refund', NEW.proposal USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM operators WHERE disabled_at IS NULL) THEN
        RETURN NEW;
    END IF;
    -- The daemon itself gives back what was paid too late.
    IF own IS NULL AND NEW.operator = 'checkout-daemon' THEN
        RETURN NEW;
    END IF;
    IF NEW.operator IS NULL OR NOT has_operator_role(NEW.operator, 'refund') THEN
        RAISE EXCEPTION '% may not refund', coalesce(NEW.operator, 'who is no operator') USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- An admin without limits has none.
    SELECT coalesce((limits ->> NEW.currency)::bigint, CASE WHEN role = 'admin' AND limits = '{}' THEN NULL ELSE 0 END) INTO most
    FROM operators WHERE name = NEW.operator;
    -- What counts as refused, and was made all the same, was spent.
    SELECT coalesce(sum(amount), 0) INTO spent FROM refund_requests AS asked
    WHERE order_id = NEW.order_id AND operator = NEW.operator AND currency = NEW.currency AND proposal IS NULL
        AND (error IS NULL OR EXISTS (
            SELECT FROM refunds WHERE payment_id = asked.payment_id AND request_id = asked.id::text AND status NOT IN ('canceled', 'failed')));
    IF spent + NEW.amount > most THEN
        RAISE EXCEPTION '% may refund % % of an order, and this would be %: propose it', NEW.operator, most, NEW.currency, spent + NEW.amount
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

-- An answer is final: a request that counts as refused does not count towards a limit.
CREATE FUNCTION check_refund_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.answered_at IS NOT NULL AND bound_operator() IS NOT NULL AND (NEW.answered_at, NEW.refund_id, NEW.error)
        IS DISTINCT FROM (OLD.answered_at, OLD.refund_id, OLD.error) THEN
        RAISE EXCEPTION 'refund request % is answered: its answer cannot be changed', OLD.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_requests_answered_once BEFORE UPDATE OF answered_at, refund_id, error
    ON refund_requests FOR EACH ROW EXECUTE FUNCTION check_refund_answer();

-- What the items of a batch of refunds come to, by currency.
CREATE FUNCTION batch_sums(the_batch bigint, OUT sum_currency text, OUT sum_amount bigint) RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT currency, sum(amount)::bigint FROM batch_items WHERE batch = the_batch AND status <> 'skipped' GROUP BY currency
$$;

CREATE OR REPLACE FUNCTION check_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
    the_sum bigint;
    its_currency text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.proposed_by IS DISTINCT FROM coalesce(own, NEW.proposed_by) OR NOT has_operator_role(NEW.proposed_by, 'act') THEN
            RAISE EXCEPTION '% cannot propose as %', coalesce(own, 'nobody'), NEW.proposed_by USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'a proposal begins open' USING ERRCODE = 'insufficient_privilege';
        END IF;
        NEW.state := proposal_state(NEW.order_id, NEW.batch);
        IF NEW.act = 'batch' THEN  -- its sum is what its items come to, whatever it claims; two currencies have none
            SELECT min(sum_amount), min(sum_currency) INTO NEW.amount, NEW.currency FROM batch_sums(NEW.batch) HAVING count(*) = 1;
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - ARRAY['status', 'decided_by', 'decided_at', 'outcome', 'note']
        <> to_jsonb(OLD) - ARRAY['status', 'decided_by', 'decided_at', 'outcome', 'note'] THEN
        RAISE EXCEPTION 'proposal % cannot be changed, only decided', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- It is blanked when the order's customer is erased.
    IF NEW.note NOT IN (OLD.note, '') THEN
        RAISE EXCEPTION 'the note of proposal % cannot be changed', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = OLD.status THEN
        IF (NEW.decided_by, NEW.decided_at, NEW.outcome) IS DISTINCT FROM (OLD.decided_by, OLD.decided_at, OLD.outcome) THEN
            RAISE EXCEPTION 'proposal % is decided', OLD.number USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) = ('approved', 'failed') AND NEW.decided_by = OLD.decided_by AND coalesce(own, OLD.decided_by) = OLD.decided_by THEN
        RETURN NEW;
    END IF;
    IF OLD.status <> 'open' OR NEW.status NOT IN ('approved', 'rejected') THEN
        RAISE EXCEPTION 'proposal % is % already', OLD.number, OLD.status USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.decided_by IS DISTINCT FROM coalesce(own, NEW.decided_by) THEN
        RAISE EXCEPTION '% cannot decide as %', own, NEW.decided_by USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = 'approved' AND NEW.decided_by = OLD.proposed_by THEN
        RAISE EXCEPTION 'proposal % was made by %: another operator must approve it', OLD.number, OLD.proposed_by
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.decided_by <> OLD.proposed_by AND NOT has_operator_role(NEW.decided_by, 'approve') THEN
        RAISE EXCEPTION '% may not decide about proposals', NEW.decided_by USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = 'approved' AND OLD.expires_at <= now() THEN
        RAISE EXCEPTION 'proposal % has expired', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = 'approved' AND OLD.state IS DISTINCT FROM proposal_state(OLD.order_id, OLD.batch) THEN
        RAISE EXCEPTION 'what proposal % is about has changed since: propose it again', OLD.number
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT min(sum_amount), min(sum_currency) INTO the_sum, its_currency FROM batch_sums(OLD.batch) HAVING count(*) = 1;
    IF NEW.status = 'approved' AND OLD.act = 'batch' AND (OLD.amount, OLD.currency) IS DISTINCT FROM (the_sum, its_currency) THEN
        RAISE EXCEPTION 'the refunds of batch % come to another sum than proposal % names: propose it again', OLD.batch, OLD.number
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION check_batch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF NEW.operator <> own AND TG_OP = 'INSERT' THEN
        RAISE EXCEPTION '% cannot start a batch as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' AND own IS NOT NULL AND (NEW.act, NEW.options, NEW.operator, NEW.host, NEW.created_at)
        IS DISTINCT FROM (OLD.act, OLD.options, OLD.operator, OLD.host, OLD.created_at) THEN
        RAISE EXCEPTION 'batch % cannot be changed', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'INSERT' AND own IS NOT NULL THEN
        NEW.created_at := now();  -- by which its items are known to be made with it
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER batches_own ON batches;
CREATE TRIGGER batches_own BEFORE INSERT OR UPDATE OF act, options, operator, host, created_at ON batches
    FOR EACH ROW EXECUTE FUNCTION check_batch();

-- A batch of refunds runs if its sum is within the limit of its operator, or another one has approved it.
CREATE FUNCTION check_batch_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    above record;
BEGIN
    IF bound_operator() IS NULL OR NEW.act <> 'refund'
        OR NOT EXISTS (SELECT FROM batches WHERE number = NEW.number AND status = 'running')
        OR EXISTS (SELECT FROM proposals WHERE batch = NEW.number AND status = 'approved') THEN
        RETURN NULL;
    END IF;
    SELECT sum_currency, sum_amount INTO above
    FROM batch_sums(NEW.number) CROSS JOIN operators
    WHERE operators.name = NEW.operator
        AND (sum_amount IS NULL OR sum_currency IS NULL
             OR sum_amount > coalesce((limits ->> sum_currency)::bigint, CASE WHEN role = 'admin' AND limits = '{}' THEN sum_amount ELSE 0 END))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the refunds of batch % come to % %, which is above the limit of %: propose it', NEW.number, above.sum_amount,
            above.sum_currency, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
-- At the end of the transaction, which writes a batch, its items and perhaps a proposal.
CREATE CONSTRAINT TRIGGER batches_within_limits AFTER INSERT OR UPDATE OF status ON batches DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_batch_sum();

CREATE OR REPLACE FUNCTION check_batch_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF own IS NOT NULL AND (
        CASE TG_OP WHEN 'INSERT' THEN
            NOT EXISTS (SELECT FROM batches WHERE number = NEW.batch AND operator = own AND created_at = now())
            OR EXISTS (SELECT FROM proposals WHERE batch = NEW.batch)
            OR NEW.status <> 'skipped' AND (NEW.amount IS NULL OR NEW.amount < 0 OR NEW.currency IS NULL)
                AND EXISTS (SELECT FROM batches WHERE number = NEW.batch AND act = 'refund')
        ELSE
            (OLD.status = 'skipped' AND NEW.status <> 'skipped') OR (NEW.batch, NEW.id, NEW.subject, NEW.order_id, NEW.object_id, NEW.amount, NEW.currency)
            IS DISTINCT FROM (OLD.batch, OLD.id, OLD.subject, OLD.order_id, OLD.object_id, OLD.amount, OLD.currency)
        END) THEN
        RAISE EXCEPTION 'the items of batch % cannot be changed', NEW.batch USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER batch_items_own ON batch_items;
CREATE CONSTRAINT TRIGGER batch_items_own AFTER INSERT OR UPDATE OF batch, id, subject, order_id, object_id, amount, currency, status
    ON batch_items FOR EACH ROW EXECUTE FUNCTION check_batch_item();

DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['check_refund_request()', 'check_refund_answer()', 'batch_sums(bigint)', 'check_batch_sum()', 'check_proposal()',
        'check_batch()', 'check_batch_item()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', ours, current_schema());
    END LOOP;
END $$;
