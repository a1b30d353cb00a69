"""Comparing this database with Stripe, and fixing the differences."""
