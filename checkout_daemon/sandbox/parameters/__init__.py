"""Read the parameters of a request: forms, declared types, and what Stripe's own API takes."""
