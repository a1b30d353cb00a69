-- oldest code: 1

-- The shop's systems that receive webhooks, besides that of CHECKOUT_SHOP_WEBHOOK_URL. Who reads this table can sign for the shop.
CREATE TABLE webhook_endpoints (
    name             text PRIMARY KEY,
    url              text NOT NULL,
    events           text[] NOT NULL DEFAULT '{}',  -- the kinds of messages; empty: all
    secret           text NOT NULL,
    old_secret       text,                          -- signs as well, until
    old_secret_until timestamptz,
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    disabled_at      timestamptz,
    disabled_why     text,
    failing_since    timestamptz,                   -- the first of the failures since the last success
    succeeded_at     timestamptz,
    CONSTRAINT webhook_endpoints_name_shape CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    CONSTRAINT webhook_endpoints_disabled_why CHECK ((disabled_at IS NULL) = (disabled_why IS NULL))
);

-- The endpoint that a message is for; null: CHECKOUT_SHOP_WEBHOOK_URL. The subject of a message for an endpoint ends with @ and its name.
ALTER TABLE outbox ADD COLUMN endpoint text;

-- Whether messages for the endpoints or addresses were made from a message. Those of before this migration need none; those that a release
-- before it owes or claims from now on do.
ALTER TABLE outbox ADD COLUMN spread boolean NOT NULL DEFAULT true, ADD COLUMN due_at timestamptz;
ALTER TABLE outbox ALTER COLUMN spread SET DEFAULT false;

-- A release that knows no endpoints sends whatever is due by next_attempt_at, to CHECKOUT_SHOP_WEBHOOK_URL with its secret, or as mail.
-- So a message for an endpoint or address is never due by that column, whoever writes it, but by due_at.
CREATE FUNCTION hide_due_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.due_at := NEW.next_attempt_at;
    NEW.next_attempt_at := '9999-01-01Z';
    RETURN NEW;
END $$;
CREATE TRIGGER outbox_due_hidden BEFORE INSERT OR UPDATE OF next_attempt_at ON outbox
    FOR EACH ROW WHEN (NEW.endpoint IS NOT NULL AND NEW.next_attempt_at < '9999-01-01Z') EXECUTE FUNCTION hide_due_messages();

-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_due_of_endpoint ON outbox (endpoint, due_at)
    WHERE status IN ('queued', 'failed') AND endpoint IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_to_spread ON outbox (channel)
    WHERE NOT spread AND attempts > 0 AND endpoint IS NULL AND channel IN ('webhook', 'alert');
