"""Tests of checkout_daemon/events."""
