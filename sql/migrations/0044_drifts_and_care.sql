-- oldest code: 1

-- What `checkout reconcile` found different from Stripe and did not apply, until it is applied or agrees.
CREATE TABLE drifts (
    order_id    uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    found_at    timestamptz NOT NULL DEFAULT now(),
    compared_at timestamptz NOT NULL DEFAULT now(),
    differences text NOT NULL  -- JSON: [object, field, value here, value at Stripe, whether it can be merged], …
);

-- Who takes care of what needs a person and is about no order: an event, a message, an order that is missing here.
CREATE TABLE item_care (
    item          text PRIMARY KEY,  -- kind:subject
    owner         text,
    snoozed_until timestamptz,
    note          text,              -- the last one, with who wrote it and when
    note_by       text,
    note_at       timestamptz,
    CONSTRAINT item_care_owner CHECK (length(owner) BETWEEN 1 AND 64)
);
