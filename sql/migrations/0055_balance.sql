-- oldest code: 1

-- What each payment, refund, dispute and payout did to the balance at Stripe, as its API lists it. Amounts are in minor units of
-- `currency`, in which Stripe settles; net = amount - fee. A job reads them (bank/reading.py); no delivery writes here.
CREATE TABLE balance_transactions (
    id              text PRIMARY KEY,       -- txn_
    livemode        boolean NOT NULL,
    type            text NOT NULL,          -- these two in Stripe's words
    category        text NOT NULL,          -- its reporting_category
    amount          bigint NOT NULL,
    fee             bigint NOT NULL,
    net             bigint NOT NULL,
    currency        text NOT NULL,
    exchange_rate   numeric,                -- from source_currency to currency
    source_id       text,                   -- ch_, re_, du_, po_ …
    source_amount   bigint,                 -- of the source, in its own currency, not negative
    source_currency text,
    payment_id      text,                   -- pi_, or ch_ without one, that the source belongs to
    payout_id       text,                   -- once Stripe has listed it as part of that payout
    created_at      timestamptz NOT NULL,   -- when the money moved, at Stripe
    available_on    timestamptz NOT NULL,
    CONSTRAINT balance_transactions_net CHECK (net = amount - fee),
    CONSTRAINT balance_transactions_currency CHECK (currency ~ '^[a-z]{3}$')
);
CREATE INDEX balance_transactions_newest ON balance_transactions (created_at DESC, id DESC);
CREATE INDEX balance_transactions_of_payment ON balance_transactions (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX balance_transactions_of_payout ON balance_transactions (payout_id) WHERE payout_id IS NOT NULL;

-- Money that goes from the balance to the bank.
CREATE TABLE payouts (
    id             text PRIMARY KEY,        -- po_
    livemode       boolean NOT NULL,
    amount         bigint NOT NULL,
    currency       text NOT NULL,
    status         text NOT NULL,           -- in Stripe's words, as reconciliation
    automatic      boolean NOT NULL,        -- Stripe knows the lines of these only
    reconciliation text NOT NULL,
    failure_code   text,
    created_at     timestamptz NOT NULL,
    arrives_at     timestamptz NOT NULL,
    lines_read_at  timestamptz,             -- when its lines were last read from Stripe, all of them
    CONSTRAINT payouts_currency CHECK (currency ~ '^[a-z]{3}$')
);
CREATE INDEX payouts_newest ON payouts (created_at DESC, id DESC);
