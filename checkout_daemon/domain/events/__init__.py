"""Stripe events to facts: one module per Stripe object, one registry."""
