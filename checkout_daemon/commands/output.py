"""Print results on stdout, as JSON or for people, and messages and progress on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Column
    from rich.text import Text

    from checkout_daemon.audit.chain import AuditEntry
    from checkout_daemon.ledger.watching import ConnectionChange

T = TypeVar("T")

MONEY_KEYS = frozenset({"amount", "amount_total", "left_afterwards"})
_FACT_WIDTH = 10
_GAP = 2
_LEAST_WIDTH = 5
_WIDE = 120
_ERROR = "error: "


_quiet = False


def be_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    """Print nothing but errors, questions and JSON until the command ends. It is the callback of --quiet."""
    global _quiet
    _quiet = value

    def end() -> None:
        global _quiet
        _quiet = False

    if value:
        context.call_on_close(end)


def print_json(value: Any) -> None:
    """Print one line of JSON. A dataclass becomes an object, a time RFC 3339 with Z."""
    _make_way()
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """Return one line of JSON."""
    import msgspec

    return _for_terminals(msgspec.json.encode(value))


def print_json_lines(values: Iterable[Any]) -> None:
    """Print a line of JSON for each value, all in one write."""
    import msgspec

    _make_way()
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


def answer(text: str) -> None:
    """Print a result for people on stdout, unless --quiet was given."""
    if not _quiet:
        _make_way()
        click.echo(text)


def is_read_by_people() -> bool:
    """Return whether stdout is a terminal, and not a file or a pipe, whose text a program may read."""
    return sys.stdout.isatty()


def for_stdout(text: str) -> str:
    """Return the text of a file as it is, or plain, with its tabs, if stdout is a terminal: it would obey the rest."""
    if not is_read_by_people():
        return text
    from checkout_daemon.present.text import plain_lines

    return "\t".join(map(plain_lines, text.split("\t")))


def print_result(value: Any, text: str, *, as_json: bool) -> None:
    """Print a result on stdout, as JSON or for people."""
    if as_json:
        print_json(value)
    else:
        answer(text)


def say_dry_run(would: dict[str, Any], *, as_json: bool) -> None:
    """Print what a command would do, and that it did not: as JSON with `dry_run`, or a line for each key.

    Amounts are in minor units in JSON, and money for people.
    """
    from checkout_daemon.present.money import money

    if as_json:
        print_json(would | {"dry_run": True})
    else:
        currency = would.get("currency")
        for name, value in would.items():
            if name in MONEY_KEYS and currency is not None:
                answer(f"{name.replace('_', ' ')}: {money(value, currency)}")
            elif name != "currency":
                shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
                shown = ("no", "yes")[value] if isinstance(value, bool) else shown
                answer(f"{name.replace('_', ' ')}: {shown if shown not in (None, '') else '–'}")
        say("A dry run: nothing was changed.")


def say(text: str) -> None:
    """Print a message on stderr, without anything that a terminal would obey: it may contain text from Stripe."""
    from checkout_daemon.present.text import plain_lines

    if not _quiet or text.startswith(_ERROR):
        _make_way()
        click.echo(plain_lines(text), err=True)


def say_trouble(trouble: ConnectionChange) -> None:
    """Report that the connection to the database of a command that follows changes is lost, or back."""
    from checkout_daemon.ledger.watching import Lost

    if isinstance(trouble, Lost):
        say(f"{trouble.reason}; trying again …")
    else:
        say("The database answers again; nothing was missed.")


def console() -> Console:
    """Return a printer for people: colour only on a terminal and without NO_COLOR, 80 columns by default."""
    from rich.console import Console

    class Printer(Console):
        def on_broken_pipe(self) -> None:
            """Let the program end as it does wherever a reader closes the pipe; Rich would exit with 1."""
            raise BrokenPipeError

    return Printer(highlight=False, markup=False, emoji=False, quiet=_quiet)


def is_wide() -> bool:
    """Return whether a table may have a column of long texts, such as errors: piped, or on a wide terminal."""
    printer = console()
    return not printer.is_terminal or printer.width >= _WIDE


def print_facts(facts: Mapping[str, str | Text]) -> None:
    """Print a line for each fact that is not empty."""
    from rich.text import Text

    printer, width = console(), max((len(name) + 1 for name, fact in facts.items() if fact), default=0)
    width = max(width, _FACT_WIDTH)
    for name, fact in facts.items():
        if fact:
            printer.print(Text(f"  {name:<{width}}").append(fact), soft_wrap=True)


def dismissal_text(entry: AuditEntry | None, time_zone: str) -> str:
    """Return who dismissed an event or message, when and why; nothing for None."""
    from json import loads

    from checkout_daemon.present.text import plain
    from checkout_daemon.present.times import local_time

    if entry is None:
        return ""
    why = "" if entry.personal is None else f": {plain(loads(entry.personal)['note'])}"
    return f"{local_time(entry.at, time_zone)} by {entry.operator}@{entry.host}{why}"


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    right: Collection[str] = (),
    flexible: Mapping[str, int] | None = None,
    header: bool = True,
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
    print_columns(columns, rows, header=header)


def print_columns(columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], *, header: bool = True) -> None:
    """Print a table as `print_table` does, with columns of their own layout. Only a terminal has a width to cut to."""
    from rich.table import Table

    printer = console()
    if not printer.is_terminal:
        _print_uncut(columns, rows, header=header)
        return
    _share_width(columns, rows, printer.width - _GAP * (len(columns) - 1))
    table = Table(*columns, box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold", show_header=header)
    for row in rows:
        table.add_row(*row)
    printer.print(table)


def _print_uncut(columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], *, header: bool) -> None:
    from rich.cells import cell_len

    headings = [[column.header for column in columns]] if header else []
    lines = [[str(cell) for cell in row] for row in [*headings, *rows]]
    widths = [max(map(cell_len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        padded = []
        for text, width, column in zip(line, widths, columns, strict=True):
            blanks = " " * (width - cell_len(text))
            padded.append(blanks + text if column.justify == "right" else text + blanks)
        click.echo((" " * _GAP).join(padded).rstrip())


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
    """A progress bar on stderr, shown on a terminal only. The total may become known later.

    What this module prints meanwhile appears above it.
    """

    def __init__(self, what: str, total: int | None = None, *, shown: bool = True) -> None:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._shown = shown and console.is_terminal and not _quiet
        # Without a thread of its own, which could draw the bar between its erasure and a line that takes its place.
        self._bar = Bar(
            *Bar.get_default_columns(), MofNCompleteColumn(), console=console, disable=not self._shown, transient=True,
            auto_refresh=False, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._task = self._bar.add_task(what, total=total)
        self._drawn_at = 0.0

    def __enter__(self) -> Progress:
        """Show the bar."""
        self._bar.start()
        if self._shown:
            _bars.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        if self in _bars:
            _bars.remove(self)
        self._bar.stop()

    def total(self, total: int) -> None:
        """Set the number of steps."""
        self._bar.update(self._task, total=total)
        self._draw()

    def step(self, steps: int = 1) -> None:
        """Advance the bar."""
        self._bar.advance(self._task, steps)
        self._draw()

    def make_way(self) -> None:
        """Erase the bar, so that a line can be printed in its place. The next step draws it again."""
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
        self._drawn_at = 0.0

    def _draw(self) -> None:
        from time import monotonic

        if self._shown and monotonic() - self._drawn_at >= _DRAWN_EVERY_SECONDS:
            self._bar.refresh()
            self._drawn_at = monotonic()


_DRAWN_EVERY_SECONDS = 0.1
_bars: list[Progress] = []  # the one that is on the terminal of this process, if any


def _make_way() -> None:
    for bar in _bars:
        bar.make_way()
