"""Answer API requests: keys, headers, idempotency, expansion, planned faults, the request log."""
