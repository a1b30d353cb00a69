"""The columns of the order list, for any width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from checkout_daemon.model.order_rows import OrderRow, Part
from checkout_daemon.present.columns import View
from checkout_daemon.present.event_columns import short_event
from checkout_daemon.present.money import money
from checkout_daemon.present.order_columns import COLUMNS, OrderColumn, parts_of
from checkout_daemon.present.statuses import attention_words, tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age

from ..context import AppContext
from ..widgets.columns import Cell, Column
from .looks import cells_of, columns_that_fit

DEFAULT = ("order", "age", "status", "total", "customer", "event", "attention")
_WIDEST = (
    "order", "age", "status", "total", "card", "country", "customer", "email", "items", "deadline", "event",
    "attention",
)  # fmt: skip
_ROOM_FOR_ALL = 170
_NARROW = (
    Column("Order", 7, right=True, sort="number"),
    Column("Age", 4, right=True, sort="created"),
    Column("Status", 18, sort="status"),
    Column("Total", 10, right=True, sort="amount"),
)
_WIDE = 110
_LEAST_ROOM = 29  # of 80 columns
_SHORTEST_LAST = len("session.completed")
_GAPS = 2


def shown_columns(width: int, chosen: Sequence[str]) -> Sequence[OrderColumn] | None:
    """Return the columns of the registry that are shown at a width, or None for those of a narrower terminal."""
    known = [COLUMNS[name] for name in chosen if name in COLUMNS]
    if not known and width >= _ROOM_FOR_ALL:
        known = [COLUMNS[name] for name in _WIDEST]
    return known or None


def parts(width: int, chosen: Sequence[str]) -> frozenset[Part]:
    """Return the parts of rows that are shown."""
    shown = shown_columns(width, chosen)
    return frozenset({Part.EVENT}) if shown is None else parts_of(shown)


def columns(width: int, chosen: Sequence[str] = ()) -> Sequence[Column]:
    """Return the columns for a width: those chosen, as far as they fit, or the usual ones.

    In a narrow terminal, attention and last event share one.
    """
    if (shown := shown_columns(width, chosen)) is not None:
        return columns_that_fit(shown, width)
    used = 1 + sum(column.width + _GAPS for column in _NARROW) - _GAPS
    room = width - used - 2 * _GAPS
    if width < _WIDE:
        last = _SHORTEST_LAST + max(room - _LEAST_ROOM, 0) // 3
        return (
            *_NARROW,
            Column("Customer", max(room - last, 6), sort="customer"),
            Column("Last event", last, sort="event"),
        )
    room -= _GAPS
    last, attention = 24, max(room // 4, 20)
    email = max((room - last - attention) // 2, 0) if width >= _WIDE + 30 else 0
    if email:
        room -= _GAPS
        email = max((room - last - attention) * 6 // 11, 10)
    customer = Column("Customer", room - last - attention - email, sort="customer")
    extra = (Column("Email", email, sort="email"),) if email else ()
    return (
        *_NARROW,
        customer,
        *extra,
        Column("Last event", last, sort="event"),
        Column("Attention", attention, sort="attention"),
    )


def cells(
    row: OrderRow,
    layout: Sequence[Column],
    now: datetime,
    context: AppContext,
    chosen: Sequence[str] = (),
    width: int = 0,
) -> Iterable[Cell]:
    """Yield the cells of a row, one for each column of the layout."""
    if (shown := shown_columns(width, chosen)) is not None:
        yield from cells_of(shown, row, layout, View(now, context.masked))
        return
    order = row.order
    yield str(order.number), ""
    yield age(order.created_at, now), "table--muted"
    yield words(order.status), f"table--{tone('order', order.status)}"
    yield money(order.amount_total, order.currency), ""
    yield context.customer(order), ""
    attention = f"! {attention_words(order.attention)}" if order.attention else ""
    event = ""
    if row.last_event is not None:
        event = short_event(plain(row.last_event.type))
    titles = [column.title for column in layout]
    if "Email" in titles:
        yield context.name(order.customer_email), "table--muted"
    if "Attention" not in titles:
        yield (attention, "table--alarm") if attention else (event, "table--muted")
        return
    if row.last_event is not None:
        event = f"{age(row.last_event.received_at, now):>4} {event}"
    yield event, "table--muted"
    yield attention, "table--alarm"
