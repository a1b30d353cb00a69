-- oldest code: 1

-- Values of Stripe's enumerations that this version does not know are facts too, and resolved by later ones that it knows.
ALTER TABLE checkout_sessions ADD COLUMN known_at timestamptz, ADD COLUMN unknown_at timestamptz, ADD COLUMN unknown_words text;
ALTER TABLE refunds ADD COLUMN known_at timestamptz, ADD COLUMN unknown_at timestamptz, ADD COLUMN unknown_words text;
ALTER TABLE disputes ADD COLUMN unknown_words text, ADD COLUMN withdrawn_at timestamptz, ADD COLUMN reinstated_at timestamptz;
-- Stripe may add a status at any time: the program alone checks them.
ALTER TABLE refunds DROP CONSTRAINT refunds_status_known;
ALTER TABLE disputes DROP CONSTRAINT disputes_status_known;

-- PaymentIntents that were canceled: nothing comes of them. A table of its own, because a payment's row means that money was told of.
CREATE TABLE canceled_payments (
    id          text PRIMARY KEY,
    canceled_at timestamptz NOT NULL
);
