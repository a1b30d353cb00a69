-- oldest code: 1

-- Who takes care of an order, and until when its open items are left out of the list of what needs a person.
CREATE TABLE order_care (
    order_id      uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    owner         text,         -- a name, as operators use it
    snoozed_until timestamptz,
    snoozed       text[] NOT NULL DEFAULT '{}',  -- the items that were open then, as kind:subject; new ones are shown
    CONSTRAINT order_care_owner CHECK (length(owner) BETWEEN 1 AND 64)
);

-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS disputes_unanswered ON disputes (due_by)
    WHERE status IN ('warning_needs_response', 'needs_response', 'appeal_needs_response');
