-- oldest code: 1

-- Which Stripe account is ours, by the mode of the key: an event that names another one makes no facts.
CREATE TABLE stripe_accounts (
    livemode  boolean PRIMARY KEY,
    id        text NOT NULL,
    learnt_at timestamptz NOT NULL DEFAULT now()
);
