"""Stripe's API through the official SDK: one client, one module per resource."""
