"""How commands speak: data on stdout, as JSON or for people; talk on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console


def print_json(value: Any) -> None:
    """One line: an object, or one of JSON Lines. Dataclasses are objects, times RFC 3339 with Z."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


def print_json_lines(values: Iterable[Any]) -> None:
    """Written together: a list of a million orders is not a million writes."""
    import msgspec

    sys.stdout.write(msgspec.json.Encoder().encode_lines(list(values)).decode())
    sys.stdout.flush()


def answer(text: str) -> None:
    """Data for people."""
    click.echo(text)


def say(text: str) -> None:
    """Talk: never data."""
    click.echo(text, err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal. Raises UsageError (exit 2) where the answer is no, and off a terminal without --yes."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{question} Add --yes to confirm: there is no terminal to ask on")
    if not click.confirm(question, err=True):
        raise click.UsageError("not confirmed: nothing was done")


def console() -> Console:
    """For people: colour only on a terminal, none with NO_COLOR, 80 columns where nobody says otherwise."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def print_table(columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    """A table without lines, so that it can be copied; `columns` are rich's, rows texts or rich's renderables."""
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def plain(text: str) -> str:
    """Text from outside, without what a terminal would obey: escape sequences, carriage returns, line breaks."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
