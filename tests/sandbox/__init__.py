"""Tests of the offline Stripe."""
