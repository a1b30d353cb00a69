"""Parameter types for values that people type or paste: invisible characters are removed before parsing."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

import click


class _Term(click.types.StringParamType):
    """An id, code, address or time: text with a known alphabet. Not for notes, names and files."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then read it."""
        return super().convert(_cleaned(value), param, ctx)


class Whole(click.IntRange):
    """A whole number in decimal digits. Python alone would read 1_0 as 10."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then read it."""
        text = _cleaned(value)
        if isinstance(text, str) and not text.strip().removeprefix("-").removeprefix("+").isdecimal():
            self.fail(f"{text!r} is not a whole number.", param, ctx)
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


class OneOf(click.Choice[str]):
    """One of several words, such as the values of a StrEnum."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__([str(choice) for choice in choices])  # click would offer the names of an enum's members

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Clean the value, then read it."""
        return super().convert(_cleaned(value), param, ctx)


TERM = _Term()


def _cleaned(value: Any) -> Any:
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    from checkout_daemon.model.text import cleaned

    return cleaned(value)
