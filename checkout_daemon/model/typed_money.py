"""Amounts as people type them: minor units such as 500, or money such as 5.00, €5 and 5 EUR."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checkout_daemon.errors import FieldError, InvalidRequest
from checkout_daemon.model.money import exponent, format_money

_UNIT = r"[€$£¥]|[A-Za-z]{3}"
_MONEY = re.compile(
    rf"(?:(?P<before>{_UNIT})\s?)?(?P<whole>\d{{1,12}})(?:[.,](?P<decimals>\d{{1,3}}))?(?:\s?(?P<after>{_UNIT}))?"
)


@dataclass(frozen=True, slots=True)
class TypedMoney:
    """Money as it was typed. Its amount is certain only once the currency is known."""

    text: str
    unit: str
    whole: str
    decimals: str

    def minor_units(self, currency: str) -> int:
        """Return the amount in minor units. Raise InvalidRequest if it is of another currency, or not exact.

        The decimals must be as many as the currency has, so that a thousand written as 1.000 is never read as one.
        """
        digits = exponent(currency)
        if self.unit and self.unit.upper() != currency.upper() and self.unit not in format_money(0, currency):
            self._refuse(currency, f"the order is in {currency.upper()}")
        if self.decimals and len(self.decimals) != digits:
            self._refuse(currency, f"{currency.upper()} has {digits or 'no'} decimals")
        return int(self.whole + (self.decimals or "0" * digits))

    def _refuse(self, currency: str, why: str) -> None:
        example = 5 * 10 ** exponent(currency)
        detail = f"{self.text!r} is not an amount: {why}; {format_money(example, currency)} is {example} in minor units"
        raise InvalidRequest([FieldError("/amount", "invalid_amount", detail)])


def read_money(text: str) -> TypedMoney | None:
    """Return the money that a text stands for, or None. Digits alone are minor units, not money."""
    found = _MONEY.fullmatch(text.strip())
    if found is None or (found["before"] and found["after"]):
        return None
    unit = found["before"] or found["after"] or ""
    if not unit and not found["decimals"]:
        return None
    return TypedMoney(text.strip(), unit, found["whole"], found["decimals"] or "")


def minor_units(amount: int | TypedMoney, currency: str) -> int:
    """Return an amount in minor units of this currency. Raise InvalidRequest."""
    return amount if isinstance(amount, int) else amount.minor_units(currency)
