"""Money in whole minor units, and Stripe's rules for each currency.

The rules are in currencies.json, which the storefront reads too. Source: https://docs.stripe.com/currencies
(zero-decimal, three-decimal, special cases, minimum and maximum charge amounts; the maximum is that of methods other
than cards).
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from fractions import Fraction

LARGEST_AMOUNT = 2**53
"""No amount that anybody states is larger: JSON's numbers are exact up to here, and Stripe's have 12 digits."""


def exponent(currency: str) -> int:
    """Return how many decimals the amounts of this currency have at Stripe: 2 unless the table has another number."""
    return _rule(currency)["exponent"]


def currencies_with(decimals: int) -> list[str]:
    """Return the currencies in the table that have this many decimals."""
    return [currency for currency, rule in _table()["currencies"].items() if rule["exponent"] == decimals]


def step(currency: str) -> int:
    """Return the amount that every charge in this currency must be a multiple of."""
    return _rule(currency)["step"]


def minimum_amount(currency: str) -> int:
    """Return the least that Stripe charges if payouts are in the same currency; one step if it documents no minimum."""
    return max(_table()["minimum_amounts"].get(currency.lower(), 0), step(currency))


def maximum_amount(currency: str) -> int:
    """Return the most that Stripe charges with every payment method.

    Cards allow more, but a checkout that lets Stripe choose the method cannot rely on that.
    """
    table = _table()
    return table["maximum_amounts"].get(currency.lower(), table["maximum_amount"])


def round_to_step(amount: Fraction | int, currency: str) -> int:
    """Return the nearest amount that can be charged; a half is rounded up."""
    size = step(currency)
    return (2 * amount + size) // (2 * size) * size


def format_money(amount: int, currency: str, locale: str = "en") -> str:
    """Return the amount as a person reads it, such as €12.34, with Stripe's decimals, which differ from Babel's."""
    # Slow to import, and not every process needs it.
    from copy import copy
    from decimal import Decimal, localcontext

    from babel import Locale
    from babel.numbers import get_currency_symbol

    place = Locale.parse(locale.replace("-", "_"))
    digits = exponent(currency)
    pattern = copy(place.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    # CLDR separates a symbol that ends in a letter from the digits; Babel does not.
    if get_currency_symbol(currency.upper(), place)[-1].isalpha():
        positive, negative = (re.sub("¤$", "¤\u00a0", prefix) for prefix in pattern.prefix)
        pattern.prefix = (positive, negative)
    # The usual precision of 28 digits is too small for what somebody may ask for.
    with localcontext(prec=max(28, amount.bit_length() // 3 + 8)):
        exact = Decimal(amount).scaleb(-digits)
        text: str = pattern.apply(exact, place, currency=currency.upper(), currency_digits=False)
    return text


class _Rule(TypedDict):
    exponent: int
    step: int


class _Table(TypedDict):
    default: _Rule
    currencies: dict[str, _Rule]
    maximum_amount: int
    maximum_amounts: dict[str, int]
    minimum_amounts: dict[str, int]


@cache
def _table() -> _Table:
    table: _Table = json.loads(Path(__file__).with_name("currencies.json").read_text(encoding="utf-8"))
    return table


def _rule(currency: str) -> _Rule:
    table = _table()
    return table["currencies"].get(currency.lower(), table["default"])
