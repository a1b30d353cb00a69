"""The address that the Stripe CLI gets."""

from __future__ import annotations

from checkout_daemon.stripe_cli.program import cli_base


def test_the_stripe_cli_gets_an_ipv6_address_in_brackets() -> None:
    assert cli_base("http://[::1]:8001") == "http://[::1]:8001"
    assert cli_base("http://localhost:8001") == "http://127.0.0.1:8001"
