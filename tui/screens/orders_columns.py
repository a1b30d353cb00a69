"""The columns of the order list, for any width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from checkout_daemon.orders.terminal_windows import OrderRow
from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import attention_words, tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age
from tui.context import AppContext
from tui.texts import short_event
from tui.widgets.table import Cell, Column

_NARROW = (
    Column("Order", 7, right=True),
    Column("Age", 4, right=True),
    Column("Status", 18),
    Column("Total", 10, right=True),
)
_WIDE = 110
_LEAST_ROOM = 29  # of 80 columns
_SHORTEST_LAST = len("session.completed")
_GAPS = 2


def columns(width: int) -> Sequence[Column]:
    """Return the columns for a width. In a narrow terminal, attention and last event share one."""
    used = 1 + sum(column.width + _GAPS for column in _NARROW) - _GAPS
    room = width - used - 2 * _GAPS
    if width < _WIDE:
        last = _SHORTEST_LAST + max(room - _LEAST_ROOM, 0) // 3
        return (*_NARROW, Column("Customer", max(room - last, 6)), Column("Last event", last))
    room -= _GAPS
    last, attention = 24, max(room // 4, 20)
    email = max((room - last - attention) // 2, 0) if width >= _WIDE + 30 else 0
    if email:
        room -= _GAPS
        email = max((room - last - attention) * 6 // 11, 10)
    customer = Column("Customer", room - last - attention - email)
    extra = (Column("Email", email),) if email else ()
    return (*_NARROW, customer, *extra, Column("Last event", last), Column("Attention", attention))


def cells(row: OrderRow, layout: Sequence[Column], now: datetime, context: AppContext) -> Iterable[Cell]:
    """Yield the cells of a row, one for each column of the layout."""
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
