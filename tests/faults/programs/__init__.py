"""Programs that others wrote for Stripe, run against the offline Stripe."""
