-- oldest code: 1

-- Early fraud warnings: the issuer of a card reports a payment as fraudulent, before anybody disputes it. `decision` is what
-- CHECKOUT_FRAUD_WARNING led to, once the order was known: see orders/fraud_warnings.py.
CREATE TABLE fraud_warnings (
    id          text NOT NULL,
    livemode    boolean NOT NULL,
    payment_id  text NOT NULL REFERENCES payments ON DELETE CASCADE,
    fraud_type  text,
    actionable  boolean NOT NULL,  -- Stripe's: false once the charge is disputed or refunded
    warned_at   timestamptz,
    observed_at timestamptz NOT NULL,
    event_id    text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    decision    text,
    decided_at  timestamptz,
    PRIMARY KEY (id, livemode),
    CONSTRAINT fraud_warnings_decided CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX fraud_warnings_of_payment ON fraud_warnings (payment_id);
CREATE INDEX fraud_warnings_undecided ON fraud_warnings (created_at) WHERE decided_at IS NULL;

-- Return the fraud warnings about the payments that load_facts has returned, as a JSON array of arrays, or null for none. It reads what
-- was committed before the locks held.
CREATE FUNCTION load_fraud_warnings(held_payments json) RETURNS json LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF held_payments IS NULL OR NOT EXISTS (SELECT FROM fraud_warnings) THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT json_agg(json_build_array(id, livemode, payment_id, fraud_type, actionable, warned_at, observed_at, event_id))
        FROM json_array_elements(held_payments) AS payment
        CROSS JOIN LATERAL (SELECT * FROM fraud_warnings WHERE payment_id = payment ->> 0 OFFSET 0) AS held);
END $$;
