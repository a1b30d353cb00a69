"""The columns of the list of what needs a person."""

from __future__ import annotations

from datetime import datetime

from checkout_daemon.model.sorting import SortBy
from checkout_daemon.model.todo import TodoItem
from checkout_daemon.present.columns import ListLook, RowColumn, View, by_name, muted, short_card
from checkout_daemon.present.money import money, short_money
from checkout_daemon.present.statuses import Tone
from checkout_daemon.present.text import NONE, plain, words
from checkout_daemon.present.times import age, span
from checkout_daemon.present.todo import card


def _due(item: TodoItem, view: View) -> str:
    if item.due_by is None:
        return NONE
    left = (item.due_by - view.now).total_seconds()
    return f"in {span(left)}" if left > 0 else "over"


def _kind_tone(item: TodoItem) -> Tone:
    return Tone.ALARM if item.due_by else Tone.BAD


def _until(time: datetime | None, view: View) -> str:
    return "" if time is None else f"for {span((time - view.now).total_seconds())}"


_ALL: tuple[RowColumn[TodoItem], ...] = (
    RowColumn(
        "due",
        "Due",
        "due_by",
        _due,
        8,
        right=True,
        tone=lambda item: Tone.ALARM if item.due_by else Tone.MUTED,
        value=lambda item: item.due_by,
    ),
    RowColumn(
        "order",
        "Order",
        "number",
        lambda item, _: str(item.number or NONE),
        7,
        right=True,
        value=lambda item: item.number,
    ),
    RowColumn(
        "money",
        "Money",
        "amount",
        lambda item, _: money(item.amount, item.currency),
        10,
        18,
        1,
        right=True,
        value=lambda item: item.amount,
        short=short_money,
    ),
    RowColumn(
        "what", "What", "kind", lambda item, _: words(item.kind), 22, tone=_kind_tone, value=lambda item: item.kind
    ),
    RowColumn(
        "customer",
        "Customer",
        "customer",
        lambda item, view: view.name(item.customer) if item.customer else "",
        12,
        24,
        2,
        value=lambda item: item.customer,
    ),
    RowColumn(
        "owner",
        "Owner",
        "owner",
        lambda item, _: plain(item.owner or ""),
        8,
        16,
        1,
        tone=lambda _: Tone.BUSY,
        value=lambda item: item.owner,
    ),
    RowColumn(
        "age",
        "Age",
        "since",
        lambda item, view: age(item.since, view.now),
        4,
        right=True,
        tone=muted,
        value=lambda item: item.since,
    ),
    RowColumn("card", "Card", "last4", lambda item, _: card(item), 15, value=card, short=short_card),
    RowColumn(
        "decline",
        "Declined",
        "decline_code",
        lambda item, _: words(plain(item.decline_code or "")),
        18,
        28,
        1,
        tone=lambda _: Tone.BAD,
        value=lambda item: item.decline_code,
    ),
    RowColumn(
        "snoozed",
        "Snoozed",
        "snoozed_until",
        lambda item, view: _until(item.snoozed_until, view),
        8,
        right=True,
        tone=muted,
        value=lambda item: item.snoozed_until,
    ),
    RowColumn(
        "note", "Last note", "note", lambda item, _: plain(item.note or ""), 16, 60, 1, value=lambda item: item.note
    ),
    RowColumn(
        "description",
        "About",
        "description",
        lambda item, _: plain(item.description),
        30,
        400,
        3,
        tone=muted,
        value=lambda item: item.description,
    ),
)

TODO_COLUMNS = by_name(_ALL)
_NARROW = ("due", "order", "money", "what", "customer", "owner")

TODO = ListLook(
    TODO_COLUMNS,
    narrow=_NARROW,
    wide=(*_NARROW, "age", "card", "description"),
    first=SortBy("due", descending=False),
    ascending=frozenset(("due", "what", "customer", "owner", "card", "decline", "snoozed", "note", "description")),
)
"""By `due`, the list is as it is read: by deadline, then by money."""
