"""The columns of the list of what failed, by its error."""

from __future__ import annotations

from checkout_daemon.model.events import DeadLetters
from checkout_daemon.model.sorting import SortBy
from checkout_daemon.present.columns import ListLook, RowColumn, by_name, muted, short_count
from checkout_daemon.present.statuses import Tone
from checkout_daemon.present.text import NONE, plain
from checkout_daemon.present.times import age


def _kinds(group: DeadLetters) -> str:
    return plain(", ".join(group.kinds))


def _failed(group: DeadLetters) -> str:
    return plain(f"{group.channel}: {group.error}" if group.channel else group.error)


_ALL: tuple[RowColumn[DeadLetters], ...] = (
    RowColumn(
        "error",
        "Error",
        "name",
        lambda group, _: group.name,
        10,
        tone=lambda _: Tone.BUSY,
        value=lambda group: group.name,
    ),
    RowColumn(
        "count",
        "Count",
        "count",
        lambda group, _: f"{group.count:,}",
        6,
        right=True,
        value=lambda group: group.count,
        short=short_count,
    ),
    RowColumn(
        "dead",
        "Dead",
        "dead",
        lambda group, _: f"✗ {group.dead:,}" if group.dead else "0",
        6,
        right=True,
        tone=lambda group: Tone.ALARM if group.dead else Tone.MUTED,
        value=lambda group: group.dead,
        short=short_count,
    ),
    RowColumn(
        "first",
        "First",
        "first_at",
        lambda group, view: age(group.first_at, view.now),
        6,
        right=True,
        tone=muted,
        value=lambda group: group.first_at,
    ),
    RowColumn(
        "last",
        "Last",
        "last_at",
        lambda group, view: age(group.last_at, view.now),
        5,
        right=True,
        tone=muted,
        value=lambda group: group.last_at,
    ),
    RowColumn(
        "order",
        "Order",
        "number",
        lambda group, _: str(group.number or NONE),
        7,
        right=True,
        value=lambda group: group.number,
    ),
    RowColumn("types", "Types", "kinds", lambda group, _: _kinds(group), 24, 36, 1, tone=muted, value=_kinds),
    RowColumn("what", "What failed", "error", lambda group, _: _failed(group), 14, 400, 2, value=_failed),
)

DEAD_LETTER_COLUMNS = by_name(_ALL)
_NARROW = ("error", "count", "dead", "first", "last", "order", "what")

DEAD_LETTERS = ListLook(
    DEAD_LETTER_COLUMNS,
    narrow=_NARROW,
    wide=(*_NARROW[:-1], "types", "what"),
    first=SortBy("last"),
    ascending=frozenset(("error", "types", "what")),
)
