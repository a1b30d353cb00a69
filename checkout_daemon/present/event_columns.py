"""The columns of lists of Stripe's events."""

from __future__ import annotations

from checkout_daemon.model.events import UNHAPPY, EventLine
from checkout_daemon.model.sorting import SortBy
from checkout_daemon.present.columns import ListLook, RowColumn, View, by_name, muted
from checkout_daemon.present.statuses import Tone, tone
from checkout_daemon.present.text import NONE, plain, words
from checkout_daemon.present.times import age, span

_PREFIXES = (
    ("checkout.session.", "session."),
    ("payment_intent.", "intent."),
    ("charge.dispute.", "dispute."),
    ("radar.early_fraud_warning.", "warning."),
)


def short_event(event_type: str) -> str:
    """Return an event type without its common prefix: `session.completed`, `intent.succeeded`."""
    for long, short in _PREFIXES:
        if event_type.startswith(long):
            return short + event_type.removeprefix(long)
    return event_type


def _delay(event: EventLine) -> float | None:
    return None if event.created_at is None else (event.received_at - event.created_at).total_seconds()


def _delay_words(event: EventLine) -> str:
    delay = _delay(event)
    return NONE if delay is None else span(delay)


def _reason(event: EventLine) -> str:
    return plain((event.last_error if event.status in UNHAPPY else words(event.reason or "")) or "")


def _created(event: EventLine, view: View) -> str:
    return NONE if event.created_at is None else age(event.created_at, view.now)


def _mode(event: EventLine) -> str:
    return NONE if event.livemode is None else "live" if event.livemode else "test"


_ALL: tuple[RowColumn[EventLine], ...] = (
    RowColumn(
        "age",
        "Age",
        "received_at",
        lambda event, view: age(event.received_at, view.now),
        4,
        right=True,
        tone=muted,
        value=lambda event: event.received_at,
    ),
    RowColumn(
        "status",
        "Status",
        "status",
        lambda event, _: event.status,
        9,
        tone=lambda event: tone("event", event.status),
        value=lambda event: event.status,
    ),
    RowColumn(
        "order",
        "Order",
        "number",
        lambda event, _: str(event.number or NONE),
        7,
        right=True,
        value=lambda event: event.number,
    ),
    RowColumn(
        "tries",
        "Tries",
        "attempts",
        lambda event, _: str(event.attempts),
        6,
        right=True,
        tone=lambda event: Tone.MUTED if event.attempts < 2 else Tone.WAITING,
        value=lambda event: event.attempts,
    ),
    RowColumn("delay", "Delay", "delay", lambda event, _: _delay_words(event), 6, right=True, tone=muted, value=_delay),
    RowColumn(
        "type",
        "Type",
        "type",
        lambda event, _: plain(event.type),
        31,
        40,
        4,
        short=short_event,
        value=lambda event: event.type,
    ),
    RowColumn("event", "Event", "id", lambda event, _: event.id, 30, tone=muted),
    RowColumn("reason", "Reason", "reason", lambda event, _: _reason(event), 14, 400, 1, tone=muted, value=_reason),
    RowColumn(
        "created", "Created", "created_at", _created, 8, right=True, tone=muted, value=lambda event: event.created_at
    ),
    RowColumn("mode", "Mode", "livemode", lambda event, _: _mode(event), 5, tone=muted, value=_mode),
    RowColumn(
        "version",
        "Version",
        "api_version",
        lambda event, _: plain(event.api_version or ""),
        18,
        tone=muted,
        value=lambda event: event.api_version,
    ),
)

EVENT_COLUMNS = by_name(_ALL)
_NARROW = ("age", "status", "order", "tries", "delay", "type")

EVENTS = ListLook(
    EVENT_COLUMNS,
    narrow=_NARROW,
    wide=(*_NARROW, "event", "reason"),
    first=SortBy("age"),
    ascending=frozenset(("status", "type", "reason", "mode", "version")),
)
