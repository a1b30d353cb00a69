"""Parameter types for values that people type or paste: invisible characters are removed before parsing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isfinite
from typing import Any

import click

_LAST = 4
_MOST_DIGITS = 18


class _Term(click.types.StringParamType):
    """An id, code, address or time: text with a known alphabet. Not for notes, names and files."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then read it."""
        return super().convert(_cleaned(value), param, ctx)


class Whole(click.IntRange):
    """A whole number in decimal digits, of at most 18: the database stores no larger ones.

    Python alone would read 1_0 as 10.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then read it."""
        text = _cleaned(value)
        if isinstance(text, str):
            digits = text.strip().removeprefix("-").removeprefix("+")
            if not digits.isdecimal():
                self.fail(f"{text!r} is not a whole number.", param, ctx)
            if len(digits) > _MOST_DIGITS:
                self.fail(f"{text!r} is too large: give at most {_MOST_DIGITS} digits.", param, ctx)
        return super().convert(text, param, ctx)


class Amount(Whole):
    """An amount of at least 1 in minor units, or TypedMoney such as 5.00 and €5."""

    name = "amount"

    def __init__(self) -> None:
        super().__init__(1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the amount. Money becomes minor units later, in the currency of its order."""
        from checkout_daemon.model.typed_money import TypedMoney, read_money

        text = _cleaned(value)
        if isinstance(text, TypedMoney):
            return text
        if isinstance(text, str) and (typed := read_money(text)) is not None:
            if not int(typed.whole + typed.decimals):
                self.fail(f"{text!r} is nothing.", param, ctx)
            return typed
        return super().convert(text, param, ctx)


class Number(click.FloatRange):
    """A finite number. Python alone would accept 1_0, nan and inf."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then read it."""
        text = _cleaned(value)
        number = super().convert(text, param, ctx)
        if "_" in str(text) or not isfinite(number):
            self.fail(f"{text!r} is not a number.", param, ctx)
        return number


class Seconds(_Term):
    """A length of time such as 60s or 2m, as seconds; without a unit, seconds."""

    name = "time"
    _FORM = re.compile(r"(\d{1,5})([sm]?)")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then read it."""
        if isinstance(value, float):  # the default
            return value
        text = super().convert(value, param, ctx)
        found = self._FORM.fullmatch(text)
        if found is None:
            self.fail(f"{text!r} is not a length of time such as 60s or 2m.", param, ctx)
        return float(found[1]) * (60 if found[2] == "m" else 1)


class Last4(_Term):
    """The last four digits of a card or account; some accounts end in letters."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then check it."""
        text = super().convert(value, param, ctx).strip()
        if len(text) != _LAST or not (text.isascii() and text.isalnum()):
            self.fail(f"{text!r} is not the last four digits of a card or account.", param, ctx)
        return text.upper()


class OneOf(click.Choice[str]):
    """One of several words, such as the values of a StrEnum."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__([str(choice) for choice in choices])  # click would offer the names of an enum's members

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then read it."""
        return super().convert(_cleaned(value), param, ctx)


TERM = _Term()
AMOUNT = Amount()


def _cleaned(value: Any) -> Any:
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    from checkout_daemon.model.text import cleaned

    return cleaned(value)
