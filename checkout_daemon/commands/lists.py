"""What all lists share: their options, and one printer for tables, JSON, CSV and ids.

A table is for people. It is cut to the width of a terminal, and never where it is piped. Every other format has the
keys and values of JSON.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from checkout_daemon.commands.options import combine, json_option
from checkout_daemon.commands.output import keys as json_object
from checkout_daemon.commands.typed import TERM, OneOf
from checkout_daemon.model.sorting import MOST_SORTED, SortBy, sort_key

if TYPE_CHECKING:
    from rich.text import Text

    from checkout_daemon.present.columns import RowColumn, View

T = TypeVar("T")
P = TypeVar("P")

FORMATS = ("table", "json", "jsonl", "csv", "tsv")

format_options = combine(
    click.option("--columns", type=TERM, metavar="NAMES", help="Print these columns, such as order,total,paid_at."),
    click.option("--format", "form", type=OneOf(FORMATS), help="Choose the format.  [default: table; --json is jsonl]"),
    click.option("--no-header", is_flag=True, help="Print no line of headings."),
    click.option("--quiet", "-q", is_flag=True, help="Print only what names each row: a number or an id."),
    json_option,
)
list_options = combine(
    click.option(
        "--sort",
        type=TERM,
        metavar="COLUMN",
        help="Sort by a name that --columns takes; with a - in front, the greatest first. Of a long list the newest"
        f" {MOST_SORTED:,} are sorted.",
    ),
    format_options,
)


def _always(_: Sequence[Any]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class ListColumn(Generic[T]):
    """A column of a table, and the JSON key of the value that it shows.

    `ratio`: its share of the width that a terminal has left. `wanted`: whether the rows make it worth showing.
    `value` is what it is sorted by, unless that is the value of its key.
    """

    name: str
    key: str
    cell: Callable[[T], str | Text]
    right: bool = False
    ratio: int = 0
    wanted: Callable[[Sequence[T]], bool] = _always
    value: Callable[[T], Any] | None = None


def registered(columns: Iterable[RowColumn[T]], view: View) -> list[ListColumn[T]]:
    """Return the columns that the terminal knows by these names. A number is not cut: a part is another one."""
    return [
        ListColumn(
            column.name,
            column.key,
            partial(_styled, column, view),
            column.right,
            0 if column.right else column.share,
            value=column.value,
        )
        for column in columns
    ]


def _styled(column: RowColumn[T], view: View, row: T) -> Text:
    from rich.text import Text

    from checkout_daemon.commands.styles import STYLES

    return Text(column.text(row, view), style=STYLES[column.tone(row)])


@dataclass(frozen=True, slots=True)
class ListKind(Generic[T]):
    """What a list can show. `keys` are those of `record`, the JSON of a row; `name` is the key of what names it.

    `more` are columns that are shown only if they are chosen.
    """

    columns: Sequence[ListColumn[T]]
    keys: Sequence[str]
    name: str
    record: Callable[[T], Mapping[str, Any]] = json_object
    more: Sequence[ListColumn[T]] = ()


@dataclass(slots=True)
class Printer(Generic[T]):
    """Prints a list page by page. Tables wait for the end, because their columns depend on all rows.

    `zone` is the time zone of times in columns that only JSON has. `mask` hides personal data of a row in a table; what
    programs read has it.
    """

    listing: ListKind[T]
    form: str
    columns: Sequence[ListColumn[T]]
    keys: Sequence[str]
    header: bool
    zone: str = "UTC"
    count: int = 0
    last: object = None
    mask: Callable[[T], T] | None = None
    rows: list[T] = field(default_factory=list)
    sort: SortBy | None = None
    is_cut: bool = False
    _sort_value: Callable[[T], Any] | None = None
    _after: object = None
    _computed: dict[str, Callable[[T], Any]] = field(default_factory=dict)

    @property
    def silent(self) -> bool:
        """Return whether a program reads this, which no sentence about the list may reach."""
        return self.form in ("json", "jsonl", "quiet")

    @property
    def sample(self) -> int:
        """Return how many rows to read beyond the limit, to report that the list was cut."""
        return 0 if self.silent else 1

    def to_read(self, limit: int) -> int:
        """Return how many rows to read, of the list as it is without a sort."""
        return limit + self.sample if self.sort is None else MOST_SORTED + 1

    def begin(self, place: P | None, name: object) -> P | None:
        """Return the place to read after. A sorted list is read from its start and shown after the row of that name."""
        if self.sort is None:
            return place
        self._after = name
        return None

    def sort_by(self, text: str) -> None:
        """Sort by a column of the table or a key of JSON; with a - in front, the greatest first. Raise UsageError."""
        name = text.removeprefix("-")
        column = self._column(name, "--sort")
        self.sort = SortBy(name, descending=text.startswith("-"))
        self._sort_value = column.value or (lambda row: self.listing.record(row).get(column.key))

    def choose(self, names: Sequence[str]) -> None:
        """Show these columns: those of the table, or keys of JSON. Raise UsageError for others."""
        if twice := [name for at, name in enumerate(names) if name in names[:at]]:
            raise click.UsageError(f"--columns has {twice[0]!r} twice: name each column once")
        chosen = [self._column(name, "--columns") for name in names]
        self.columns = [replace(column, wanted=_always) for column in chosen]
        self.keys = list(dict.fromkeys(column.key for column in chosen))
        self._computed = {
            column.key: column.value for column in chosen if column.key not in self.listing.keys and column.value
        }

    def _column(self, name: str, option: str) -> ListColumn[T]:
        known = {column.name: column for column in (*self.listing.more, *self.listing.columns)}
        if name in known:
            return known[name]
        if name not in self.listing.keys:
            all_names = ", ".join(dict.fromkeys([*known, *self.listing.keys]))
            raise click.UsageError(f"{option} has no {name!r}: choose from {all_names}")
        return self._of_key(name)

    def _of_key(self, key: str) -> ListColumn[T]:
        """Return a column for a value that only JSON shows."""

        def cell(row: T) -> str:
            record = self.listing.record(row)
            return _shown(record.get(key), key, record.get("currency"), self.zone)

        return ListColumn(key, key, cell, right=key.startswith("amount") or key in ("number", "attempts"))

    async def print_pages(self, pages: AsyncIterable[Sequence[T]], limit: int) -> None:
        """Print up to `limit` rows of the pages as they arrive, or once they are sorted."""
        if self.sort is not None:
            self.print_newest([row async for page in pages for row in page], limit)
            return
        async for page in pages:
            self._print_page(page, max(0, limit - self.count))

    def print_newest(self, rows: Sequence[T], limit: int) -> None:
        """Print up to `limit` of the newest rows that `to_read` asked for; of a long list only these are sorted."""
        self.is_cut = self.sort is not None and len(rows) > MOST_SORTED
        self.print_all(rows[:MOST_SORTED] if self.is_cut else rows, limit)

    def print_all(self, rows: Sequence[T], limit: int | None = None) -> None:
        """Print a list that was read at once."""
        self._print_page(rows if self.sort is None else self.in_sort(rows), limit)

    def in_sort(self, rows: Sequence[T]) -> Sequence[T]:
        """Return the sorted rows after the row of `begin`. Raise NotFound if that row is not among them."""
        if self.sort is None or self._sort_value is None:
            return rows
        places = [
            (self.sort.place_of(sort_key(self._sort_value(row)), -place), place) for place, row in enumerate(rows)
        ]
        found = [rows[place] for _, place in sorted(places, key=lambda known: known[0], reverse=True)]
        if self._after is None:
            return found
        names = [str(self.listing.record(row)[self.listing.name]) for row in found]
        if str(self._after) not in names:
            from checkout_daemon.errors import NotFound

            raise NotFound(f"{self._after} is not among the rows that are sorted: leave out --after to begin anew")
        return found[names.index(str(self._after)) + 1 :]

    def _print_page(self, rows: Sequence[T], limit: int | None) -> None:
        shown = rows[:limit]
        self._print(shown)
        self.count += len(rows)
        if shown:
            self.last = self.listing.record(shown[-1])[self.listing.name]

    def end(self) -> bool:
        """Print what is left, and return whether the list had any row."""
        if self.form == "table" and self.rows:
            self._print_table()
        elif self.form == "json":
            click.echo("\n]" if self.count else "[]")
        elif self.form in ("csv", "tsv") and self.count == 0:
            self._print_cells([])
        return self.count > 0

    def say_if_cut(self, limit: int, which: str = "newest", *, filtered: bool = True) -> None:
        """Report that there are more rows, unless a program reads the list. `which` are those that it shows.

        `filtered`: whether the command has filters and --after.
        """
        from checkout_daemon.commands.output import say

        if self.is_cut and not self.silent:
            more = ": narrow the list to sort all of it" if filtered else ""
            say(f"Sorted the {MOST_SORTED:,} newest only{more}.")
        which = which if self.sort is None else "first"
        if self.count > limit and not self.silent:
            more = f"--limit {limit * 10}" + (f", a filter, or --after {self.last}" if filtered else "")
            say(f"Showing the {which} {limit}. For more, use {more}.")

    def _print(self, rows: Sequence[T]) -> None:
        from checkout_daemon.commands.output import for_stdout, print_json_lines

        if self.form == "table":
            self.rows += rows
        elif self.form == "jsonl":
            whole = self.keys is self.listing.keys and self.listing.record is json_object
            print_json_lines(rows if whole else map(self._record, rows))
        elif self.form == "json":
            self._print_elements(rows)
        elif rows and self.form == "quiet":
            click.echo(for_stdout("\n".join(str(self.listing.record(row)[self.listing.name]) for row in rows)))
        elif rows and self.form in ("csv", "tsv"):
            self._print_cells(rows)

    def _print_elements(self, rows: Sequence[T]) -> None:
        from checkout_daemon.commands.output import json_text

        for place, row in enumerate(rows, self.count):
            click.echo(f"{',' if place else '['}\n  {json_text(self._record(row))}", nl=False)

    def _print_cells(self, rows: Sequence[T]) -> None:
        from checkout_daemon.commands.output import for_stdout
        from checkout_daemon.model.csv_cells import cell, csv_text, tsv_text

        records = [self._whole(row) for row in rows]
        lines = [[cell(record.get(key)) for key in self.keys] for record in records]
        if self.header and self.count == 0:
            lines.insert(0, list(self.keys))
        click.echo(for_stdout((csv_text if self.form == "csv" else tsv_text)(lines)), nl=False)

    def _record(self, row: T) -> dict[str, Any]:
        record = self._whole(row)
        return {key: record[key] for key in self.keys if key in record}

    def _whole(self, row: T) -> Mapping[str, Any]:
        record = self.listing.record(row)
        return {**record, **{key: value(row) for key, value in self._computed.items()}} if self._computed else record

    def _print_table(self) -> None:
        from checkout_daemon.commands.output import print_table

        shown = [column for column in self.columns if column.wanted(self.rows)]
        print_table(
            [column.name for column in shown],
            [[column.cell(row) for column in shown] for row in (map(self.mask, self.rows) if self.mask else self.rows)],
            right={column.name for column in shown if column.right},
            flexible={column.name: column.ratio for column in shown if column.ratio},
            header=self.header,
        )


_OPTIONS = ("columns", "form", "no_header", "quiet", "as_json")


def printer_of(listing: ListKind[T], options: dict[str, Any], *, default: str = "table") -> Printer[T]:
    """Return the printer that `list_options` ask for, and remove them from the options of the command.

    `default`: the format unless one is asked for. A command with a text of its own for people gives "text", and prints
    it where `form` is that. Raise UsageError for options that contradict or name what the list does not have.
    """
    columns, form, no_header, quiet, as_json = (options.pop(name) for name in _OPTIONS)
    sort = options.pop("sort", None)
    if as_json and form not in (None, "jsonl"):
        raise click.UsageError(f"--json is --format jsonl: omit it, or --format {form}")
    form = "jsonl" if as_json else form
    if quiet and (form or columns):
        raise click.UsageError("--quiet prints only what names each row: omit --columns, --format and --json")
    if columns is not None or no_header:
        default = "table"
    form = "quiet" if quiet else form or default
    printer = Printer(listing, form, listing.columns, listing.keys, not no_header)
    if columns is not None:
        printer.choose([name.strip() for name in columns.split(",")])
    if sort is not None:
        printer.sort_by(sort)
    return printer


def refuse_list_options(options: dict[str, Any], needed: str) -> bool:
    """Return whether --json was given, and remove `list_options`. Raise UsageError for the others, without `needed`."""
    given = [name for name in (*_OPTIONS, "sort") if options.pop(name)]
    for parameter in click.get_current_context().command.params:
        if parameter.name in given and parameter.name != "as_json":
            raise click.UsageError(f"{parameter.opts[0]} goes with {needed}")
    return "as_json" in given


def _shown(value: Any, key: str, currency: str | None, zone: str) -> str:
    from checkout_daemon.commands.output import json_text
    from checkout_daemon.present.money import money
    from checkout_daemon.present.text import NONE, plain, words
    from checkout_daemon.present.times import local_time

    if value is None or value == "":
        return NONE
    if isinstance(value, datetime):
        return local_time(value, zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and "amount" in key and currency:
        return money(value, currency)
    if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
        return ", ".join(words(plain(part)) for part in value) or NONE
    if isinstance(value, (str, int, float, Decimal)):
        return plain(str(value))
    return json_text(value)
