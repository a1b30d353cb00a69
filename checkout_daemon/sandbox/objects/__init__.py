"""The shapes of Stripe's objects, and the pages of lists of them."""
