"""How commands speak: data on stdout, as JSON or for people; talk on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.table import Column
    from rich.text import Text

_GAP = 2
_LEAST_WIDTH = 5


def print_json(value: Any) -> None:
    """Print one line: an object, or one of JSON Lines. Dataclasses are objects, times RFC 3339 with Z."""
    import msgspec

    click.echo(_for_terminals(msgspec.json.encode(value)))


def print_json_lines(values: Iterable[Any]) -> None:
    """Written together: a list of a million orders is not a million writes."""
    import msgspec

    sys.stdout.write(_for_terminals(msgspec.json.Encoder().encode_lines(list(values))))
    sys.stdout.flush()


def _for_terminals(encoded: bytes) -> str:
    if encoded.isascii():
        return encoded.decode()
    from checkout_daemon.domain.text import terminal_json

    return terminal_json(encoded.decode())


def answer(text: str) -> None:
    """Data for people."""
    click.echo(text)


def say(text: str) -> None:
    """Talk: never data."""
    click.echo(text, err=True)


class NotConfirmed(click.ClickException):
    """Somebody said no: there is no help to look at."""

    exit_code = 2


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal. Raises NotConfirmed where the answer is no, UsageError off a terminal: exit 2 both."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{question} Add --yes to confirm: there is no terminal to ask on")
    if not click.confirm(question, err=True):
        raise NotConfirmed("not confirmed: nothing was done")


def console() -> Console:
    """For people: colour only on a terminal, none with NO_COLOR, 80 columns where nobody says otherwise."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str | Text]]) -> None:
    """A table without lines, so that it can be copied. Columns with a `ratio` share what the others leave them."""
    from rich.table import Table

    printer = console()
    _share_width(columns, rows, printer.width - _GAP * (len(columns) - 1))
    table = Table(*columns, box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for row in rows:
        table.add_row(*row)
    printer.print(table)


def _share_width(columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], width: int) -> None:
    """Rich alone would narrow the columns of numbers and ids too, down to nothing."""
    from rich.cells import cell_len

    def natural(place: int) -> int:
        return max(cell_len(str(each)) for each in (columns[place].header, *(row[place] for row in rows)))

    flexible = [place for place, column in enumerate(columns) if column.ratio]
    left = width - sum(natural(place) for place in range(len(columns)) if place not in flexible)
    # The narrow first: what one does not need is the others'.
    for place in sorted(flexible, key=lambda place: natural(place) / (columns[place].ratio or 1)):
        ratios = sum(columns[other].ratio or 0 for other in flexible if columns[other].width is None)
        share = max(left * (columns[place].ratio or 0) // ratios, _LEAST_WIDTH)
        columns[place].width = min(natural(place), share)
        left -= columns[place].width or 0
