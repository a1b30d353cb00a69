"""The offline Stripe. It imports nothing else of the project."""
