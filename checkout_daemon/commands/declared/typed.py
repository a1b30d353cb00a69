"""Types of what is typed or pasted on the command line: cleaned before they are read, which help does not show."""

from __future__ import annotations

from typing import Any

import click


class _Term(click.types.StringParamType):
    """An id, a code, an address, a time: whatever has a known alphabet. Not for notes, names and files."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(_cleaned(value), param, ctx)


class Whole(click.IntRange):
    """A whole number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(_cleaned(value), param, ctx)


class Number(click.FloatRange):
    """A number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(_cleaned(value), param, ctx)


class OneOf(click.Choice[str]):
    """One of several words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(_cleaned(value), param, ctx)


TERM = _Term()


def _cleaned(value: Any) -> Any:
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    from checkout_daemon.domain.text import cleaned

    return cleaned(value)
