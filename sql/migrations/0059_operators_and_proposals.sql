-- oldest code: 1

-- Who may do what. Without a row, everybody who reaches the database may act; with one, only operators do.
CREATE TABLE operators (
    name          text PRIMARY KEY,             -- as the audit log names them
    role          text NOT NULL,                -- each may do what those before it may: view, act, refund, approve, admin
    limits        jsonb NOT NULL DEFAULT '{}',  -- {"eur": 5000}: what they refund of one order without approval, in minor units
    os_user   text,                         -- by what they are recognized: the user of the operating system,
    token         text,                         -- the name of an API token,
    database_role text,                         -- or the login at the database, which binds the session
    created_by    text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    disabled_by   text,
    CONSTRAINT operators_name_shape CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,39}$' AND name <> 'checkout-daemon'),
    CONSTRAINT operators_role_known CHECK (role IN ('view', 'act', 'refund', 'approve', 'admin')),
    CONSTRAINT operators_limits_object CHECK (jsonb_typeof(limits) = 'object'),
    CONSTRAINT operators_recognized CHECK (num_nonnulls(os_user, token, database_role) > 0),
    CONSTRAINT operators_disabled_by CHECK ((disabled_at IS NULL) = (disabled_by IS NULL))
);
CREATE UNIQUE INDEX operators_os_user ON operators (os_user) WHERE disabled_at IS NULL;
CREATE UNIQUE INDEX operators_token ON operators (token) WHERE disabled_at IS NULL;
CREATE UNIQUE INDEX operators_database_role ON operators (database_role) WHERE disabled_at IS NULL;

-- What somebody may not do alone, until another operator decides.
CREATE TABLE proposals (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          uuid NOT NULL UNIQUE,      -- of the refund request that it leads to
    act         text NOT NULL,
    order_id    uuid REFERENCES orders ON DELETE CASCADE,  -- null: of a batch
    batch       bigint UNIQUE REFERENCES batches ON DELETE CASCADE,
    payment_id  text,
    amount      bigint,                    -- in minor units; of a batch: the sum
    currency    text,
    items       text,                      -- JSON, as of a refund request
    reason      text,                      -- of a refund, for Stripe
    restock     boolean NOT NULL DEFAULT false,  -- whether its items go back into stock
    note        text NOT NULL DEFAULT '',  -- blanked when the order's customer is erased
    state       text NOT NULL,             -- of the order or orders when it was proposed: see proposal_state
    proposed_by text NOT NULL,
    host        text NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    status      text NOT NULL DEFAULT 'open',
    decided_by  text,
    decided_at  timestamptz,
    outcome     text,                      -- why it failed
    CONSTRAINT proposals_act_known CHECK (act IN ('refund', 'cancel', 'batch')),
    CONSTRAINT proposals_status_known CHECK (status IN ('open', 'approved', 'rejected', 'failed')),
    CONSTRAINT proposals_subject CHECK ((act = 'batch') = (batch IS NOT NULL) AND (act = 'batch') = (order_id IS NULL)),
    CONSTRAINT proposals_refund CHECK (act <> 'refund' OR (payment_id IS NOT NULL AND amount > 0 AND currency IS NOT NULL)),
    CONSTRAINT proposals_decided CHECK ((status = 'open') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT proposals_two_people CHECK (status NOT IN ('approved', 'failed') OR decided_by <> proposed_by)
);
CREATE INDEX proposals_open ON proposals (expires_at) WHERE status = 'open';
CREATE INDEX proposals_approved ON proposals (number) WHERE status = 'approved';
CREATE INDEX proposals_of_order ON proposals (order_id) WHERE order_id IS NOT NULL;

ALTER TABLE refund_requests ADD COLUMN operator text, ADD COLUMN proposal bigint REFERENCES proposals;
CREATE INDEX refund_requests_of_proposal ON refund_requests (proposal) WHERE proposal IS NOT NULL;

-- The rules of operators, for whoever writes: this program, an older release, psql. A session whose login is an operator's is bound to that
-- operator, whatever it claims. Other logins may act for those they name: the owner and the daemon, who may delete refund requests. Once one
-- operator has a login, no login besides may act.
CREATE FUNCTION bound_operator() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    own text;
BEGIN
    SELECT name INTO own FROM operators WHERE database_role = session_user AND disabled_at IS NULL;
    IF own IS NULL AND NOT has_table_privilege(session_user, 'refund_requests', 'DELETE')
        AND EXISTS (SELECT FROM operators WHERE database_role IS NOT NULL) THEN
        RAISE EXCEPTION 'the database user % is not the login of an operator: `checkout operators list` shows them', session_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN own;
END $$;

CREATE FUNCTION has_operator_role(the_name text, the_role text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM operators WHERE disabled_at IS NULL) OR EXISTS (
        SELECT FROM operators WHERE name = the_name AND disabled_at IS NULL
            AND array_position(ARRAY['view', 'act', 'refund', 'approve', 'admin'], role)
                >= array_position(ARRAY['view', 'act', 'refund', 'approve', 'admin'], the_role))
$$;

CREATE FUNCTION proposal_state(the_order uuid, the_batch bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN the_batch IS NULL THEN
        (SELECT status || ' ' || amount_refunded FROM orders WHERE id = the_order)
    ELSE
        (SELECT encode(sha256(convert_to(string_agg(orders.id || ' ' || orders.status || ' ' || amount_refunded, ','
                                                    ORDER BY position), 'UTF8')), 'hex')
         FROM batch_items JOIN orders ON orders.id = batch_items.order_id WHERE batch = the_batch)
    END
$$;

CREATE FUNCTION check_refund_request() RETURNS trigger LANGUAGE plpgsql AS $$
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
    SELECT coalesce(sum(amount), 0) INTO spent FROM refund_requests
    WHERE order_id = NEW.order_id AND operator = NEW.operator AND currency = NEW.currency AND proposal IS NULL AND error IS NULL;
    IF spent + NEW.amount > most THEN
        RAISE EXCEPTION '% may refund % % of an order, and this would be %: propose it', NEW.operator, most, NEW.currency, spent + NEW.amount
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_requests_allowed BEFORE INSERT OR UPDATE OF id, order_id, payment_id, amount, currency, parameters, operator, proposal
    ON refund_requests FOR EACH ROW EXECUTE FUNCTION check_refund_request();

CREATE FUNCTION check_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.proposed_by IS DISTINCT FROM coalesce(own, NEW.proposed_by) OR NOT has_operator_role(NEW.proposed_by, 'act') THEN
            RAISE EXCEPTION '% cannot propose as %', coalesce(own, 'nobody'), NEW.proposed_by USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'a proposal begins open' USING ERRCODE = 'insufficient_privilege';
        END IF;
        NEW.state := proposal_state(NEW.order_id, NEW.batch);
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - ARRAY['status', 'decided_by', 'decided_at', 'outcome', 'note']
        <> to_jsonb(OLD) - ARRAY['status', 'decided_by', 'decided_at', 'outcome', 'note'] THEN
        RAISE EXCEPTION 'proposal % cannot be changed, only decided', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status = OLD.status THEN
        IF NEW.decided_by IS DISTINCT FROM OLD.decided_by THEN
            RAISE EXCEPTION 'proposal % is decided', OLD.number USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) = ('approved', 'failed') AND NEW.decided_by = OLD.decided_by THEN
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
    RETURN NEW;
END $$;
CREATE TRIGGER proposals_allowed BEFORE INSERT OR UPDATE ON proposals FOR EACH ROW EXECUTE FUNCTION check_proposal();

CREATE FUNCTION check_log_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF NEW.operator <> own OR (own IS NOT NULL AND NOT has_operator_role(own, 'act')) THEN
        RAISE EXCEPTION '% cannot write to the audit log as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER operator_log_own BEFORE INSERT ON operator_log FOR EACH ROW EXECUTE FUNCTION check_log_entry();

-- A daemon continues batches in the name that they have: a bound session can neither borrow a name nor change what another asked for.
CREATE FUNCTION check_batch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF NEW.operator <> own AND TG_OP = 'INSERT' THEN
        RAISE EXCEPTION '% cannot start a batch as %', own, NEW.operator USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' AND own IS NOT NULL
        AND (NEW.act, NEW.options, NEW.operator, NEW.host) IS DISTINCT FROM (OLD.act, OLD.options, OLD.operator, OLD.host) THEN
        RAISE EXCEPTION 'batch % cannot be changed', OLD.number USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER batches_own BEFORE INSERT OR UPDATE OF act, options, operator, host ON batches FOR EACH ROW EXECUTE FUNCTION check_batch();

CREATE FUNCTION check_batch_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF own IS NOT NULL AND (
        CASE TG_OP WHEN 'INSERT' THEN
            NOT EXISTS (SELECT FROM batches WHERE number = NEW.batch AND operator = own)
            OR EXISTS (SELECT FROM proposals WHERE batch = NEW.batch)
        ELSE
            (NEW.batch, NEW.id, NEW.subject, NEW.order_id, NEW.object_id, NEW.amount, NEW.currency)
            IS DISTINCT FROM (OLD.batch, OLD.id, OLD.subject, OLD.order_id, OLD.object_id, OLD.amount, OLD.currency)
        END) THEN
        RAISE EXCEPTION 'the items of batch % cannot be changed', NEW.batch USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
-- After the statement, because one writes a batch and its items.
CREATE CONSTRAINT TRIGGER batch_items_own AFTER INSERT OR UPDATE OF batch, id, subject, order_id, object_id, amount, currency
    ON batch_items FOR EACH ROW EXECUTE FUNCTION check_batch_item();

-- A token acts for its operator, and an operator's row decides who may do what.
CREATE FUNCTION check_administration() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := bound_operator();
BEGIN
    IF own IS NOT NULL AND NOT has_operator_role(own, 'admin') THEN
        RAISE EXCEPTION '% may not change %: an admin does', own, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER operators_by_admins BEFORE INSERT OR UPDATE ON operators FOR EACH ROW EXECUTE FUNCTION check_administration();
CREATE TRIGGER api_tokens_by_admins BEFORE INSERT OR UPDATE OF id, name, scopes, secret_hash, expires_at, revoked_at ON api_tokens
    FOR EACH ROW EXECUTE FUNCTION check_administration();

-- Neither a temporary table nor a table of another schema may take the place of ours.
DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY['bound_operator()', 'has_operator_role(text, text)', 'proposal_state(uuid, bigint)', 'check_refund_request()',
        'check_proposal()', 'check_log_entry()', 'check_batch()', 'check_batch_item()', 'check_administration()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', ours, current_schema());
    END LOOP;
END $$;
