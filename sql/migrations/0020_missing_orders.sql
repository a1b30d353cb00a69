-- oldest code: 1

-- Which shop the numbers and marks at Stripe are of: several may share an account. A backup keeps it.
CREATE TABLE shop_identity (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
CREATE UNIQUE INDEX shop_identity_one ON shop_identity ((true));
INSERT INTO shop_identity DEFAULT VALUES;

-- Sessions that somebody went through and whose order is not held: a restore lost it. `checkout orders recover` brings it back.
CREATE TABLE missing_orders (
    session_id   text PRIMARY KEY,
    order_id     uuid NOT NULL,
    number       bigint,  -- the order's, where its metadata says it
    livemode     boolean NOT NULL,
    amount_total bigint,
    currency     text,
    seen_at      timestamptz NOT NULL DEFAULT now()
);
