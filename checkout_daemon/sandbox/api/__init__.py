"""How the API is asked: forms, parameters, expansion, lists, idempotency, faults."""
