CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    parent TEXT,
    intent TEXT,
    customer TEXT,
    kind TEXT,
    body TEXT NOT NULL,
    private TEXT NOT NULL
) STRICT;

-- Lists are by time of creation, then by seq, so their indexes end with both; the dashboard's are by seq.
CREATE INDEX IF NOT EXISTS objects_by_type ON objects (type, seq);
CREATE INDEX IF NOT EXISTS objects_by_created ON objects (type, created, seq);
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent, type, created, seq) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_intent ON objects (intent, type, created, seq) WHERE intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (type, kind, created, seq) WHERE kind IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (type, customer, created, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_status ON objects (type, json_extract(body, '$.status'), created, seq);

CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    created REAL NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS timers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    due_at REAL NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS timers_by_due ON timers (due_at);

CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    next_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX IF NOT EXISTS deliveries_by_next ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event, endpoint, state);

CREATE INDEX IF NOT EXISTS deliveries_by_endpoint ON deliveries (endpoint, state);

CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery INTEGER NOT NULL REFERENCES deliveries,
    at REAL NOT NULL,
    seconds REAL NOT NULL,
    url TEXT,
    status INTEGER,
    error TEXT,
    response TEXT,
    trouble TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS attempts_by_delivery ON attempts (delivery);

CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    at REAL NOT NULL,
    seconds REAL NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER,
    idempotency_key TEXT,
    error TEXT,
    user_agent TEXT,
    trouble TEXT
) STRICT;

CREATE TABLE IF NOT EXISTS state (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
