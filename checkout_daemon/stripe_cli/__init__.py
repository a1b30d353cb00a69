"""The official Stripe CLI: listening, triggering and resending events."""
