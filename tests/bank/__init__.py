"""Tests of the balance, payouts, reports and books."""
