"""The offline Stripe; imports nothing else of checkout_daemon."""
