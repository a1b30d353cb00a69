"""Selling through Stripe Checkout from your own server: daemon, services and the offline Stripe."""

__version__ = "0.2.0"
