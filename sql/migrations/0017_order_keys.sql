-- oldest code: 1

-- Idempotency keys that were answered with an order made under another key, or none: the same order for good.
CREATE TABLE order_keys (
    idempotency_key text PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    request_hash    bytea NOT NULL
);
CREATE INDEX order_keys_of_order ON order_keys (order_id);
