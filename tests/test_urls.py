"""URLs: shown without their passwords, and compared as addresses."""

from __future__ import annotations

import pytest

from checkout_daemon.urls import same_address, shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:S3CR3T@h:5432/db", "postgresql://u@h:5432/db"),
        ("postgresql://u:S3CR3T@h1:1,[::1]:2/db?password=S3CR3T", "postgresql://u@h1:1,[::1]:2/db"),
        ("postgresql:///db?host=/tmp", "postgresql:///db"),
        ("postgresql://u:S3CR3T@[bad/db", None),
        ("postgresql://u:x@h:S3CR3T/db", None),
        ("postgresql://u:S3CR3T/PW@h/db", None),
        ("postgresql://u:S3CR3T@PW@h/db", None),
        ("postgresql://u:S3CR3T#PW@h/db", None),
        ("postgresql://u:S3CR3T PW@h/db", None),
        ("://S3CR3T", None),
        ("S3CR3T", None),
    ],
)
def test_a_url_is_shown_without_its_password_or_not_at_all(url: str, shown: str | None) -> None:
    assert shown_url(url) == shown


def test_a_malformed_url_is_looked_at_in_a_time_that_its_length_bounds() -> None:
    assert shown_url("postgresql://" + "a," * 100_000 + "!") is None
    assert shown_url("postgresql://" + "a," * 900 + "!") is None


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("https://Shop.Example:443/api/webhook", True),
        ("HTTPS://shop.example/api/webhook", True),
        ("https://shop.example/api/webhook/", False),  # the daemon has no such path
        ("https://shop.example/API/webhook", False),
        ("http://shop.example/api/webhook", False),
        ("https://shop.example/api/webhook?a=1", False),
        ("not a url", False),
    ],
)
def test_endpoints_are_compared_as_addresses(other: str, same: bool) -> None:
    assert same_address("https://shop.example/api/webhook", other) is same
