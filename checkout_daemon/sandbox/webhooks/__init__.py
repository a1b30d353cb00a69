"""Events, and their delivery to endpoints and listeners."""
