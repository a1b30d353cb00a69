-- oldest code: 1

-- Bearer tokens of the shop's own systems. The secret half of a token is never stored.
CREATE TABLE api_tokens (
    id           text PRIMARY KEY,      -- the public half of the token
    name         text NOT NULL,         -- as the audit log names who acts with it
    scopes       text[] NOT NULL,
    secret_hash  bytea NOT NULL,        -- SHA-256 of the secret half, which is random
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,           -- to the minute
    revoked_at   timestamptz,
    revoked_by   text,
    CONSTRAINT api_tokens_name_shape CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    CONSTRAINT api_tokens_scopes_known CHECK (scopes <> '{}' AND scopes <@ ARRAY['orders:read', 'orders:write']),
    CONSTRAINT api_tokens_revoked_by CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX api_tokens_in_use ON api_tokens (name) WHERE revoked_at IS NULL;

-- What a request over the API asked for, to tell a repeated one from another one with the same key.
ALTER TABLE refund_requests ADD COLUMN asked bytea;
