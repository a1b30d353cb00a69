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
