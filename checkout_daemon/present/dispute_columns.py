"""The columns of lists of disputes."""

from __future__ import annotations

from checkout_daemon.model.disputes import ListedDispute
from checkout_daemon.model.sorting import SortBy
from checkout_daemon.present.columns import ListLook, RowColumn, View, by_name, muted
from checkout_daemon.present.disputes import evidence_state
from checkout_daemon.present.money import money, short_money
from checkout_daemon.present.statuses import Tone, tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age, span


def due(dispute: ListedDispute, view: View) -> str:
    """Return how much time there is to answer, such as `in 3d`; "" if it waits for no answer."""
    if not dispute.waits or dispute.due_by is None:
        return ""
    left = (dispute.due_by - view.now).total_seconds()
    return f"in {span(left)}" if left > 0 else "past"


_ALL: tuple[RowColumn[ListedDispute], ...] = (
    RowColumn("dispute", "Dispute", "id", lambda one, _: plain(one.id), 12, 32, 1, value=lambda one: one.id),
    RowColumn(
        "order", "Order", "number", lambda one, _: str(one.number or ""), 7, right=True, value=lambda one: one.number
    ),
    RowColumn(
        "age", "Age", "created_at", lambda one, view: age(one.created_at, view.now), 4, right=True, tone=muted,
        value=lambda one: one.created_at,
    ),
    RowColumn(
        "status", "Status", "status", lambda one, _: plain(words(one.unknown_words or one.status)), 14, 24, 2,
        tone=lambda one: tone("dispute", one.status), value=lambda one: one.status,
    ),
    RowColumn(
        "reason", "Reason", "reason", lambda one, _: plain(words(one.reason or "")), 11, 24, 2,
        value=lambda one: one.reason or "",
    ),
    RowColumn(
        "amount", "Amount", "amount", lambda one, _: money(one.amount, one.currency), 10, 18, 1, right=True,
        value=lambda one: one.amount, short=short_money,
    ),
    RowColumn(
        "due", "Due", "due_by", due, 6, right=True,
        tone=lambda one: Tone.ALARM if one.waits else Tone.NEUTRAL, value=lambda one: one.due_by if one.waits else None,
    ),
    RowColumn(
        "evidence", "Evidence", "submission_count", lambda one, _: evidence_state(one), 17, 30, 1, tone=muted,
        value=lambda one: one.submission_count,
    ),
)  # fmt: skip

DISPUTE_COLUMNS = by_name(_ALL)
_NARROW = ("order", "due", "status", "reason", "amount", "age")

DISPUTES = ListLook(
    DISPUTE_COLUMNS,
    narrow=_NARROW,
    wide=(*_NARROW, "evidence", "dispute"),
    first=SortBy("age"),
    ascending=frozenset(("dispute", "status", "reason", "due", "evidence")),
)
