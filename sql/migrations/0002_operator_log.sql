-- oldest code: 1

-- What operators did -------------------------------------------------------------------------------------------------------

-- Append-only, and a chain for each order: each entry's hash covers the one before. What may name a person is apart, under a hash
-- with a salt of its own: blanked by erase, the chain holds all the same.
CREATE TABLE operator_log (
    order_id      uuid NOT NULL REFERENCES orders,  -- an order that was acted upon stays
    number        integer NOT NULL,                 -- 1, 2, … within the order
    at            timestamptz NOT NULL,
    kind          text NOT NULL,
    operator      text NOT NULL,                    -- the system's user
    host          text NOT NULL,
    details       text NOT NULL,                    -- canonical JSON, as hashed: what was done; ids and amounts only
    before        text NOT NULL,                    -- canonical JSON: the order's state
    after         text NOT NULL,
    personal      text,                             -- canonical JSON: the note; null once erased
    salt          bytea,
    personal_hash bytea NOT NULL,
    prev_hash     bytea NOT NULL,
    hash          bytea NOT NULL,
    PRIMARY KEY (order_id, number),
    CONSTRAINT operator_log_number CHECK (number >= 1),
    CONSTRAINT operator_log_personal_with_salt CHECK ((personal IS NULL) = (salt IS NULL))
);
CREATE INDEX operator_log_newest ON operator_log (at DESC);

CREATE FUNCTION keep_operator_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.personal IS NULL AND NEW.salt IS NULL
        AND to_jsonb(NEW) - 'personal' - 'salt' = to_jsonb(OLD) - 'personal' - 'salt' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the operator log is append-only: only what names a person may be blanked' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER operator_log_kept BEFORE UPDATE OR DELETE ON operator_log FOR EACH ROW EXECUTE FUNCTION keep_operator_log();
CREATE TRIGGER operator_log_whole BEFORE TRUNCATE ON operator_log FOR EACH STATEMENT EXECUTE FUNCTION keep_operator_log();

-- The last entry of each order's chain, and up to which the anchors cover it.
CREATE TABLE operator_log_heads (
    order_id uuid PRIMARY KEY REFERENCES orders,
    number   integer NOT NULL,
    hash     bytea NOT NULL,
    anchored integer NOT NULL DEFAULT 0,
    CONSTRAINT operator_log_heads_anchored CHECK (anchored BETWEEN 0 AND number)
);
CREATE INDEX operator_log_heads_loose ON operator_log_heads (order_id) WHERE anchored < number;

-- A chain over all orders' chains: an anchor's hash covers the heads that moved since the last one, and that one's hash.
CREATE TABLE anchors (
    number    bigint PRIMARY KEY,
    at        timestamptz NOT NULL,
    prev_hash bytea NOT NULL,
    hash      bytea NOT NULL,
    CONSTRAINT anchors_number CHECK (number >= 1)
);

CREATE TABLE anchored_heads (
    anchor   bigint NOT NULL REFERENCES anchors,
    order_id uuid NOT NULL,
    number   integer NOT NULL,
    hash     bytea NOT NULL,
    PRIMARY KEY (anchor, order_id)
);
