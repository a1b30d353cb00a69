-- oldest code: 1

-- How many deliveries each secret has signed, hour by hour: while one is rotated, whether the old one is still in use.
CREATE TABLE secret_matches (
    fingerprint text        NOT NULL, -- of the secret, which is never stored
    hour        timestamptz NOT NULL,
    matches     bigint      NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (fingerprint, hour)
);
