"""The money table, rounding to what can be charged, and amounts as text."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import checkout_daemon.model
from checkout_daemon.model.money import exponent, format_money, maximum_amount, minimum_amount, round_to_step, step
from checkout_daemon.sandbox.amounts import maximum_amount as sandbox_maximum

ZERO_DECIMALS = [
    "bif",
    "clp",
    "djf",
    "gnf",
    "jpy",
    "kmf",
    "krw",
    "mga",
    "pyg",
    "rwf",
    "vnd",
    "vuv",
    "xaf",
    "xof",
    "xpf",
]
THREE_DECIMALS = ["bhd", "jod", "kwd", "omr", "tnd"]
WHOLE_UNITS = ["isk", "ugx"]
TWO_DECIMALS = ["eur", "usd", "gbp", "huf", "twd", "all", "lak"]
TABLE = json.loads(Path(checkout_daemon.model.__file__).with_name("currencies.json").read_text(encoding="utf-8"))

currencies = st.sampled_from(ZERO_DECIMALS + THREE_DECIMALS + WHOLE_UNITS + TWO_DECIMALS)
fractions = st.fractions(min_value=0, max_value=10**12, max_denominator=10_000)


def test_the_table_is_exactly_stripes() -> None:
    assert TABLE["default"] == {"exponent": 2, "step": 1}
    assert TABLE["currencies"] == (
        {currency: {"exponent": 0, "step": 1} for currency in ZERO_DECIMALS}
        | {currency: {"exponent": 3, "step": 10} for currency in THREE_DECIMALS}
        | {currency: {"exponent": 2, "step": 100} for currency in WHOLE_UNITS}
    )


def test_the_maximum_is_stripes_for_methods_other_than_cards() -> None:
    assert TABLE["maximum_amount"] == 99_999_999
    assert TABLE["maximum_amounts"] == {"cop": 9_999_999_999, "idr": 999_999_999_999, "inr": 999_999_999}
    assert (maximum_amount("IDR"), maximum_amount("eur")) == (999_999_999_999, 99_999_999)


def test_the_offline_stripe_has_the_same_maximum() -> None:
    for currency in (*TABLE["maximum_amounts"], "eur", "jpy", "huf"):
        assert sandbox_maximum(currency) == maximum_amount(currency)


def test_the_settlement_currencies_have_stripes_minimum() -> None:
    documented = (
        "usd aed ars aud brl cad chf cop czk dkk eur gbp hkd huf idr ils inr jpy krw mxn myr nok nzd php pln ron"
    )
    assert set(TABLE["minimum_amounts"]) == set(f"{documented} rub sek sgd thb zar".split())
    assert minimum_amount("eur") == minimum_amount("usd") == minimum_amount("jpy") == 50
    assert (minimum_amount("gbp"), minimum_amount("huf"), minimum_amount("mxn")) == (30, 17_500, 1_000)


def test_every_minimum_can_be_charged() -> None:
    assert [name for name, least in TABLE["minimum_amounts"].items() if least != round_to_step(least, name)] == []


def test_a_currency_without_a_documented_minimum_has_one_step() -> None:
    assert (minimum_amount("bam"), minimum_amount("kwd"), minimum_amount("isk")) == (1, 10, 100)


def test_currencies_may_be_written_in_capitals() -> None:
    assert (exponent("JPY"), step("ISK"), minimum_amount("EUR")) == (0, 100, 50)


@given(fractions, currencies)
def test_rounding_gives_the_nearest_step(amount: Fraction, currency: str) -> None:
    rounded = round_to_step(amount, currency)
    assert type(rounded) is int
    assert rounded % step(currency) == 0
    assert abs(rounded - amount) * 2 <= step(currency)


@given(st.integers(0, 1000), currencies)
def test_a_half_goes_up(steps: int, currency: str) -> None:
    assert round_to_step(Fraction(2 * steps + 1, 2) * step(currency), currency) == (steps + 1) * step(currency)


@given(st.tuples(fractions, fractions).map(sorted), currencies)
def test_rounding_keeps_the_order(amounts: list[Fraction], currency: str) -> None:
    assert round_to_step(amounts[0], currency) <= round_to_step(amounts[1], currency)


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        (1234, "eur", "en", "€12.34"),
        (123456, "eur", "de-AT", "€\u00a01.234,56"),
        (500, "jpy", "en", "¥500"),
        (5120, "kwd", "en", "KWD\u00a05.120"),  # CLDR has three too
        (150000, "isk", "en", "ISK\u00a01,500.00"),  # CLDR has none
        (150000, "all", "en", "ALL\u00a01,500.00"),  # CLDR has none
        (1000, "mga", "en", "MGA\u00a01,000"),  # Stripe has none, although the ariary is divided
        (-5, "usd", "en", "-$0.05"),
        (99_999_999, "usd", "en_US", "$999,999.99"),
        (0, "chf", "de-CH", "CHF\u00a00.00"),
    ],
)
def test_amounts_are_written_with_the_digits_of_the_table(amount: int, currency: str, locale: str, text: str) -> None:
    assert format_money(amount, currency, locale) == text


@pytest.mark.parametrize("amount", [2**53, -(2**63), 10**30, -(10**60)])
def test_an_amount_of_any_size_is_written_to_the_last_digit(amount: int) -> None:
    text = format_money(amount, "eur")
    assert int("".join(sign for sign in text if sign in "-0123456789")) == amount


def test_importing_the_rules_of_a_cart_imports_no_babel_and_no_checking_libraries() -> None:
    imports = "from checkout_daemon.model import customer, money; from checkout_daemon.catalog import cart, pricing"
    program = f"import sys; {imports}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert {"babel", "phonenumbers", "email_validator"}.isdisjoint(loaded.stdout.split())
