"""Print results on stdout, as JSON or for people, and messages and progress on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Collection, Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Column
    from rich.text import Text

    from checkout_daemon.ledger.watching import ConnectionChange

T = TypeVar("T")

_GAP = 2
_LEAST_WIDTH = 5


def print_json(value: Any) -> None:
    """Print one line of JSON. A dataclass becomes an object, a time RFC 3339 with Z."""
    import msgspec

    click.echo(_for_terminals(msgspec.json.encode(value)))


def print_json_lines(values: Iterable[Any]) -> None:
    """Print a line of JSON for each value, all in one write."""
    import msgspec

    sys.stdout.write(_for_terminals(msgspec.json.Encoder().encode_lines(list(values))))
    sys.stdout.flush()


def _for_terminals(encoded: bytes) -> str:
    if encoded.isascii():
        return encoded.decode()
    from checkout_daemon.model.text import terminal_json

    return terminal_json(encoded.decode())


def keys(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name; their values are not copied."""
    from dataclasses import fields

    return {field.name: getattr(record, field.name) for field in fields(record)}


async def read_pages(pages: AsyncIterable[Sequence[T]], *, as_json: bool) -> list[T]:
    """Print the pages as JSON Lines as they arrive, or return all of their records for a table."""
    found: list[T] = []
    async for page in pages:
        if as_json:
            print_json_lines(page)
        else:
            found += page
    return found


def answer(text: str) -> None:
    """Print a result for people on stdout."""
    click.echo(text)


def print_result(value: Any, text: str, *, as_json: bool) -> None:
    """Print a result on stdout, as JSON or for people."""
    if as_json:
        print_json(value)
    else:
        answer(text)


def say(text: str) -> None:
    """Print a message on stderr."""
    click.echo(text, err=True)


def say_if_cut(found: Sequence[object], limit: int) -> None:
    """Report that more records exist. `found` was read with one record more than `limit`."""
    if len(found) > limit:
        say(f"Showing the newest {limit}. For more, use --limit {limit * 10} or a filter.")


def say_trouble(trouble: ConnectionChange) -> None:
    """Report that the connection to the database of a command that follows changes is lost, or back."""
    from checkout_daemon.ledger.watching import Lost

    if isinstance(trouble, Lost):
        say(f"{trouble.reason}; trying again …")
    else:
        say("The database answers again; nothing was missed.")


class NotConfirmed(click.ClickException):
    """The answer was no. Not a UsageError, because there is no help to read."""

    exit_code = 2


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal. Raise NotConfirmed if the answer is no, and UsageError without a terminal: both exit 2."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{question} There is no terminal to ask on: add --yes to confirm")
    if not click.confirm(question, err=True):
        raise NotConfirmed("not confirmed: nothing was done")


def console() -> Console:
    """Return a printer for people: colour only on a terminal and without NO_COLOR, 80 columns by default."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def print_facts(facts: Mapping[str, str | Text], width: int = 10) -> None:
    """Print a line for each fact that is not empty."""
    from rich.text import Text

    printer = console()
    for name, fact in facts.items():
        if fact:
            printer.print(Text(f"  {name:<{width}}").append(fact), soft_wrap=True)


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    right: Collection[str] = (),
    flexible: Mapping[str, int] | None = None,
) -> None:
    """Print a table without lines, so that it can be copied.

    `right` names the columns that are aligned right. Those of `flexible` share the remaining width in these ratios.
    """
    from rich.table import Column

    ratios = flexible or {}
    columns = [
        Column(name, justify="right" if name in right else "left", no_wrap=True, ratio=ratios.get(name))
        for name in headings
    ]
    print_columns(columns, rows)


def print_columns(columns: Sequence[Column], rows: Sequence[Sequence[str | Text]]) -> None:
    """Print a table as `print_table` does, with columns of their own layout."""
    from rich.table import Table

    printer = console()
    _share_width(columns, rows, printer.width - _GAP * (len(columns) - 1))
    table = Table(*columns, box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for row in rows:
        table.add_row(*row)
    printer.print(table)


def _share_width(columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], width: int) -> None:
    """Set the widths of the columns with a ratio. Rich alone would shrink columns of numbers and ids to nothing."""
    from rich.cells import cell_len

    def natural(place: int) -> int:
        return max(cell_len(str(cell)) for cell in (columns[place].header, *(row[place] for row in rows)))

    flexible = [place for place, column in enumerate(columns) if column.ratio]
    left = width - sum(natural(place) for place in range(len(columns)) if place not in flexible)
    # The narrowest first, so that the others get what it does not need.
    for place in sorted(flexible, key=lambda place: natural(place) / (columns[place].ratio or 1)):
        ratios = sum(columns[other].ratio or 0 for other in flexible if columns[other].width is None)
        share = max(left * (columns[place].ratio or 0) // ratios, _LEAST_WIDTH)
        columns[place].width = min(natural(place), share)
        left -= columns[place].width or 0


class Progress:
    """A progress bar on stderr, shown on a terminal only. The total may become known later."""

    def __init__(self, what: str, total: int | None = None, *, shown: bool = True) -> None:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._bar = Bar(
            *Bar.get_default_columns(), MofNCompleteColumn(), console=console,
            disable=not (shown and console.is_terminal), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Progress:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        self._bar.stop()

    def total(self, total: int) -> None:
        """Set the number of steps."""
        self._bar.update(self._task, total=total)

    def step(self, steps: int = 1) -> None:
        """Advance the bar."""
        self._bar.advance(self._task, steps)
