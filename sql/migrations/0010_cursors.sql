-- oldest code: 1

-- How far long work has come, and who does it now: one at a time, until the lease ends.
CREATE TABLE cursors (
    name         text PRIMARY KEY,
    value        text,         -- JSON, of whoever does it; null: nothing to go on with
    holder       text,
    leased_until timestamptz,
    updated_at   timestamptz NOT NULL DEFAULT now()
);

-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS refund_hints_to_follow ON refund_hints (observed_at) WHERE checked_at IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS order_changes_by_time ON order_changes USING brin (at);
