"""Events, and their way to endpoints and listeners."""
