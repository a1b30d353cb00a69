"""Addresses by the rules of their country: each fault is at its field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checkout_daemon.model.address import MAXIMUM_LENGTH, Address, check_address

SERVED = ("AT", "DE", "GB", "HK", "IE", "US")
LONDON = Address("GB", "Ada", "1 Mall", "", "London", "", "SW1A 1AA")
LA = Address("US", "Ada", "1 Main", "", "LA", "CA", "90001")
VIENNA = Address("AT", "Ada", "Ring 1", "", "Wien", "", "1010")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (VIENNA, VIENNA),
        (Address("at", "Ada", " Ring\u00a01 ", "", "Wien\u200b", "", " 1010 "), VIENNA),
        (replace(LONDON, postal_code="sw1a 1aa"), LONDON),
        (replace(LA, state="california"), LA),
        (Address("HK", "Ada", "1 Road", "", "", "Kowloon", ""), Address("HK", "Ada", "1 Road", "", "", "Kowloon", "")),
        (Address("IE", "Ada", "1 Road", "", "Dublin", "", ""), Address("IE", "Ada", "1 Road", "", "Dublin", "", "")),
        (replace(VIENNA, line1="Hauptstr.12/3", name="李小龍"), replace(VIENNA, line1="Hauptstr.12/3", name="李小龍")),
    ],
)  # fmt: skip
def test_an_address_of_a_country_is_taken_in_one_spelling(given: Address, found: Address) -> None:
    assert check_address(given, SERVED) == (found, [])


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        (replace(VIENNA, postal_code="10"), {"/shipping/postal_code": "invalid_postal_code"}),
        (
            Address("AT", "Ada"),
            {
                "/shipping/city": "required_city",
                "/shipping/postal_code": "required_postal_code",
                "/shipping/line1": "required_line1",
            },
        ),
        (Address("US", "Ada", "1 Main", "", "LA", "", "90001"), {"/shipping/state": "required_state"}),
        (Address("US", "Ada", "1 Main", "", "LA", "Wien", "90001"), {"/shipping/state": "invalid_state"}),
        (Address("US", "Ada", "1 Main", "", "LA", "NY", "90001"), {"/shipping/postal_code": "invalid_postal_code"}),
        (replace(VIENNA, country="CH"), {"/shipping/country": "country_not_served"}),
        (replace(VIENNA, country=""), {"/shipping/country": "country_not_served"}),
        (replace(VIENNA, country="../AT"), {"/shipping/country": "country_not_served"}),
        (replace(VIENNA, city="x" * (MAXIMUM_LENGTH + 1)), {"/shipping/city": "invalid_city"}),
        (replace(VIENNA, line1="Ring\x001"), {"/shipping/line1": "invalid_line1"}),
        (replace(VIENNA, line2="\u2028"), {"/shipping/line2": "invalid_line2"}),
        (replace(VIENNA, name="win at evil.com"), {"/shipping/name": "invalid_name"}),
        (replace(VIENNA, postal_code="1" * 1000), {"/shipping/postal_code": "invalid_postal_code"}),
    ],
)
def test_each_fault_is_at_its_field(given: Address, faults: dict[str, str]) -> None:
    address, errors = check_address(given, SERVED)
    assert address is None
    assert {error.pointer: error.code for error in errors} == faults
    assert all(error.detail for error in errors)


def test_a_postal_code_of_the_wrong_form_is_answered_with_one_of_the_right_form() -> None:
    _, (error,) = check_address(replace(VIENNA, postal_code="ABC"), SERVED)
    assert error.detail == "Please enter a postal code of this country such as 1010."


def test_an_address_is_written_as_in_its_country() -> None:
    assert VIENNA.lines() == ("Ada", "Ring 1", "1010 WIEN", "AUSTRIA")
    assert Address("AT").lines() == ("AT",)
