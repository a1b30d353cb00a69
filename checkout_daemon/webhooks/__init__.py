"""Takes Stripe's deliveries: verify, batch, commit, answer."""
