"""The filters of the order and event lists: as a query filter, as chips and as a command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_daemon.events.event_lists import EventFilter
from checkout_daemon.orders.order_lists import OrderFilter
from checkout_daemon.present.text import words
from tui.actions import command_line

_LENGTHS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SPANS = (None, *_LENGTHS)


@dataclass(frozen=True, slots=True)
class Choice:
    """The filter of the order list. `span` is one of SPANS: how far back to go."""

    statuses: tuple[str, ...] = ()
    attention: bool = False
    span: str | None = None
    search: str = ""

    @property
    def narrows(self) -> bool:
        return self != Choice()

    def filter(self) -> OrderFilter:
        """Return the filter without the search, which needs the database."""
        since = None if self.span is None else datetime.now(UTC) - _LENGTHS[self.span]
        return OrderFilter(statuses=self.statuses, attention=self.attention, since=since)

    def next_span(self) -> str | None:
        return SPANS[(SPANS.index(self.span) + 1) % len(SPANS)]

    def command(self) -> str:
        """Return the command that prints the same list."""
        options = [option for status in self.statuses for option in ("--status", status)]
        options += ["--attention"] if self.attention else []
        options += ["--since", self.span] if self.span else []
        options += ["--search", self.search] if self.search else []
        return command_line("orders", "list", *options)

    def chips(self) -> list[tuple[str, str, bool]]:
        """Return each chip's action, text, and whether it narrows the list."""
        statuses = ", ".join(words(status) for status in self.statuses)
        return [
            ("statuses", f"s {statuses or 'any status'}", bool(self.statuses)),
            ("attention", "a needs attention" if self.attention else "a any attention", self.attention),
            ("span", f"t last {self.span}" if self.span else "t any time", self.span is not None),
            ("search", f"/ {self.search}" if self.search else "/ search", bool(self.search)),
        ]


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

    def command(self) -> str:
        """Return the command that prints the same list."""
        options: list[object] = [option for status in self.statuses for option in ("--status", status)]
        options += [option for event_type in self.types for option in ("--type", event_type)]
        options += ["--order", self.order[1]] if self.order else []
        options += ["--fingerprint", self.fingerprint] if self.fingerprint else []
        return command_line("events", "list", *options)

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
