"""The filters of the order and event lists: as a query filter, as chips and as a command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from checkout_daemon.events.event_lists import EventFilter
from checkout_daemon.model.order_rows import NEWEST_FIRST, Sort
from checkout_daemon.model.time_ranges import read_past, read_range
from checkout_daemon.orders.order_filter import Condition, OrderFilter
from checkout_daemon.orders.order_query import InvalidQuery, parse_query
from checkout_daemon.present.text import words

from .actions import command_line
from .texts import masked_emails

SPANS = (
    "1h", "24h", "7d", "30d", "today", "yesterday", "this week", "last week", "this month", "last month",
)  # fmt: skip
_LENGTHS = SPANS[:4]


@dataclass(frozen=True, slots=True)
class Choice:
    """The filter of the order list.

    `span` is a time range as it was typed; empty: any time. `search` is a text of the filter language (order_query.py).
    """

    statuses: tuple[str, ...] = ()
    attention: bool = False
    span: str = ""
    search: str = ""
    sort: Sort = NEWEST_FIRST

    @property
    def narrows(self) -> bool:
        return self != Choice(sort=self.sort)

    def filter(self, time_zone: str, now: datetime) -> OrderFilter:
        """Return the filter without the search, whose words need the database."""
        span = read_range(self.span, time_zone, now) if self.span else None
        since, until = (None, None) if span is None else (span.since, span.until)
        return OrderFilter(statuses=self.statuses, attention=self.attention, since=since, until=until)

    def as_of(self, now: datetime, wanted: OrderFilter, time_zone: str) -> OrderFilter:
        """Return a filter that was read from this choice earlier with the range that the choice has now."""
        begun = self.filter(time_zone, now)
        if self.search:
            try:
                begun = parse_query(self.search, time_zone=time_zone, now=now, wanted=begun).wanted
            except InvalidQuery:  # since is after until by now: no order fits
                return replace(wanted, conditions=(Condition("ids"),))
        return replace(wanted, since=begun.since, until=begun.until)

    def masked(self) -> Choice:
        """Return the choice as it is shown while personal data is masked."""
        return replace(self, search=masked_emails(self.search))

    def command(self, time_zone: str) -> str:
        """Return the command that prints the same list."""
        options = [option for status in self.statuses for option in ("--status", status)]
        options += ["--attention"] if self.attention else []
        options += bounds(self.span, time_zone)
        options += ["--filter", self.search] if self.search else []
        options += ["--sort", str(self.sort)] if self.sort != NEWEST_FIRST else []
        return command_line("orders", "list", *options)

    def chips(self) -> list[tuple[str, str, bool]]:
        """Return each chip's action, text, and whether it narrows the list."""
        statuses = ", ".join(words(status) for status in self.statuses)
        return [
            ("statuses", f"s {statuses or 'any status'}", bool(self.statuses)),
            ("attention", "a needs attention" if self.attention else "a any attention", self.attention),
            ("span", f"t {self._span_words()}", bool(self.span)),
            ("search", f"/ {self.search}" if self.search else "/ search", bool(self.search)),
            *([("sort_turn", f"~ {self.sort.words}", True)] if self.sort != NEWEST_FIRST else []),
        ]

    def _span_words(self) -> str:
        return f"last {self.span}" if self.span in _LENGTHS else self.span or "any time"


def bounds(span: str, time_zone: str) -> list[str]:
    """Return the options --since and --until of a range as it was typed; none for an empty text."""
    now = datetime.now(UTC)
    found = read_range(span, time_zone, now) if span else None
    if found is None:
        return []
    if found.until is None and read_past(span, time_zone, now) is not None:
        return ["--since", span]
    times = {"--since": found.since, "--until": found.until}
    return [word for name, time in times.items() if time for word in (name, _word(time, time_zone))]


def _word(time: datetime, time_zone: str) -> str:
    """Return a time as a command takes it: a date if it is midnight."""
    local = time.astimezone(ZoneInfo(time_zone))
    return (
        f"{local:%Y-%m-%d}"
        if (local.hour, local.minute, local.second) == (0, 0, 0)
        else local.isoformat(timespec="seconds")
    )


FAILED = ("failed", "dead")


@dataclass(frozen=True, slots=True)
class EventChoice:
    """The filter of the event list: `order` is an id and number, `fingerprint` an error fingerprint."""

    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    order: tuple[str, int] | None = None
    fingerprint: str = ""

    @property
    def narrows(self) -> bool:
        return self != EventChoice()

    def filter(self) -> EventFilter:
        return EventFilter(
            statuses=self.statuses,
            types=self.types,
            order_id=None if self.order is None else self.order[0],
            fingerprint=self.fingerprint or None,
        )

    def command(self, *more: str) -> str:
        """Return the command that prints the same list, with `more` options."""
        options: list[object] = [option for status in self.statuses for option in ("--status", status)]
        options += [option for event_type in self.types for option in ("--type", event_type)]
        options += ["--order", self.order[1]] if self.order else []
        options += ["--fingerprint", self.fingerprint] if self.fingerprint else []
        return command_line("events", "list", *options, *more)

    def chips(self) -> list[tuple[str, str, bool]]:
        """Return each chip's action, text, and whether it narrows the list."""
        types = ", ".join(self.types)
        chips = [
            ("statuses", f"s {', '.join(self.statuses) or 'any status'}", bool(self.statuses)),
            ("types", f"t {types if len(self.types) < 2 else f'{len(self.types)} types'}" if types else "t any type",
             bool(types)),
            ("order_of", f"/ order {self.order[1]}" if self.order else "/ any order", self.order is not None),
        ]  # fmt: skip
        if self.fingerprint:
            chips.append(("clear", f"0 error {self.fingerprint}", True))
        return chips
