"""The only door to Stripe: calls, signature check, and what they answer."""
