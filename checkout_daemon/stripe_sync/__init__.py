"""Comparing this database with Stripe and repairing the difference."""
