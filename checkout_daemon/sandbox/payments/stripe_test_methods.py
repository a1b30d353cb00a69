"""Stripe's test cards and bank accounts, the outcome of a payment with each, and the reasons to refuse one.

The data is in stripe_test_methods.json, from https://docs.stripe.com/testing,
https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-integration and
https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Literal

from checkout_daemon.sandbox.errors import not_modelled


@dataclass(frozen=True, slots=True)
class Decline:
    """A reason to refuse a payment. `failure_code` is the charge's, if it differs from the error's code."""

    code: str
    message: str
    decline_code: str | None = None
    failure_code: str | None = None
    advice: str | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class TestCard:
    """A test card and what happens when it pays.

    A card that authenticates may pay without its holder always (`off_session`), or once it was saved for that
    (`unless_saved`). An `optional` one authenticates only if asked to. `checks` are those that do not pass.
    """

    number: str
    outcome: Literal["succeed", "decline", "authenticate"] = "succeed"
    decline: str = ""
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    dispute: str = ""
    refund: str = ""
    warning: str = ""
    risk: Literal["normal", "elevated", "highest"] = "normal"
    off_session: bool = False
    unless_saved: bool = False
    optional: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)

    @property
    def risk_score(self) -> int:
        """Return a score that fits the risk: up to 64 is normal, from 65 elevated, from 75 the highest."""
        least, most = {"normal": (1, 64), "elevated": (65, 74), "highest": (75, 99)}[self.risk]
        return least + int(self.number) % (most - least + 1)


@dataclass(frozen=True, slots=True)
class TestAccount:
    """The outcome of debits from a test account.

    `failure` names a decline, `delay` counts settle times, `dispute` is the reason for one; an `endless` debit stays in
    processing. `name` is the scenario in the ids of test payment methods.
    """

    name: str
    failure: str = ""
    delay: int = 1
    dispute: str = ""
    endless: bool = False


_DATA = json.loads(resources.files(__package__).joinpath("stripe_test_methods.json").read_text(encoding="utf-8"))
DECLINES = {name: Decline(**fields) for name, fields in _DATA["declines"].items()}
CARDS = {name: TestCard(**fields) for name, fields in _DATA["cards"].items()}
CARDS |= {f"visa_{name}": card for name, card in CARDS.items() if name.startswith("charge")}
CARD_NAMES = {card.number: name for name, card in reversed(CARDS.items())}
"""The name of the test card with a number."""
NOT_MODELLED: Mapping[str, str] = _DATA["not_modelled"]
"""The numbers of the test cards that Stripe has and the sandbox lacks, by name."""

_SCENARIOS = {name: TestAccount(name, **fields) for name, fields in _DATA["scenarios"].items()}
_LISTED = ("success", "successDelayed", "failed", "failedDelayed", "disputed")
"""The scenarios of each country's IBANs."""
REFUSED_IBAN_ENDINGS: dict[str, list[str]] = _DATA["refused_iban_endings"]
"""The code and message for IBANs from which no payment method can be created, by their ending."""
SUCCEEDING_IBAN = "AT611904300234573201"
FAILING_IBAN = "IT60X0542811101000000123456"
IBANS = {
    country + digits: _SCENARIOS[name]
    for country, listed in _DATA["ibans"].items()
    for name, digits in zip(_LISTED, listed, strict=True)
} | {FAILING_IBAN: _SCENARIOS["failed"]}
IBAN_BY_ID = {f"pm_sepaDebit_{account.name}_{iban[:2].lower()}": iban for iban, account in reversed(IBANS.items())}
"""The IBAN of a test payment method `pm_sepaDebit_SCENARIO_cc`."""

ROUTING_NUMBER = "110000000"
ACCOUNTS = {number: TestAccount(**fields) for number, fields in _DATA["accounts"].items()}
ACCOUNT_BY_ID = {f"pm_usBankAccount_{account.name}": number for number, account in ACCOUNTS.items()}
"""The US account number of a test payment method `pm_usBankAccount_SCENARIO`."""

PAGE_CARDS = (
    ("4242 4242 4242 4242", "Succeeds"),
    ("4000 0000 0000 0002", "Declined"),
    ("4000 0000 0000 9995", "Declined: insufficient funds"),
    ("4000 0000 0000 0069", "Declined: expired card"),
    ("4000 0000 0000 0127", "Declined: wrong CVC"),
    ("4000 0027 6000 3184", "Asks for 3-D Secure"),
)
"""The test cards that the hosted page lists, with their outcome."""


def card_by_token(token: str) -> str | None:
    """Return the name of the test card for `tok_NAME` or `pm_card_NAME`. Raise ApiError for one that is lacking."""
    for prefix in ("pm_card_", "tok_"):
        name = token.removeprefix(prefix)
        if name != token and name in NOT_MODELLED:
            raise not_modelled(f"the test card {token}")
        if name != token and name in CARDS:
            return name
    return None


def sepa_account(iban: str) -> TestAccount:
    """Return the test account of an IBAN. Some endings have one in every country; all other debits succeed."""
    return IBANS.get(iban) or _SCENARIOS[_DATA["iban_endings"].get(iban[-7:], "success")]


def us_account(number: str) -> TestAccount:
    """Return the test account of a US account number. Debits from an unlisted one succeed."""
    return ACCOUNTS.get(number, _SCENARIOS["success"])


def passes_luhn(number: str) -> bool:
    """Return whether the check digit of a card number is right."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0


def is_iban(iban: str) -> bool:
    """Return whether the check digits of an IBAN are right."""
    if not (15 <= len(iban) <= 34 and iban.isascii() and iban.isalnum() and iban[:2].isalpha() and iban[2:4].isdigit()):
        return False
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
