-- oldest code: 1

-- Where a migration that fills rows in batches has come to. One from before this may have made the table already.
CREATE TABLE IF NOT EXISTS schema_backfills (
    version  integer PRIMARY KEY,
    position text NOT NULL
);
