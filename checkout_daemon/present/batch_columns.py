"""The columns of lists of batches."""

from __future__ import annotations

from collections.abc import Callable

from checkout_daemon.batches.records import Batch
from checkout_daemon.model.sorting import SortBy
from checkout_daemon.present.columns import ListLook, RowColumn, View, by_name, muted, short_count
from checkout_daemon.present.statuses import Tone, tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age


def _count(name: str, title: str, key: str, shown: Callable[[Batch], Tone]) -> RowColumn[Batch]:
    return RowColumn(
        name,
        title,
        key,
        lambda batch, _: f"{getattr(batch, key):,}",
        max(len(title) + 1, 6),
        right=True,
        tone=shown,
        value=lambda batch: getattr(batch, key),
        short=short_count,
    )


def _if_any(key: str, shown: Tone) -> Callable[[Batch], Tone]:
    return lambda batch: shown if getattr(batch, key) else Tone.MUTED


def _plain(_: Batch) -> Tone:
    return Tone.NEUTRAL


def _note(batch: Batch, view: View) -> str:
    return view.name(batch.note) if batch.note else ""


_ALL: tuple[RowColumn[Batch], ...] = (
    RowColumn(
        "batch", "Batch", "number", lambda batch, _: str(batch.number), 6, right=True, value=lambda batch: batch.number
    ),
    RowColumn(
        "age",
        "Age",
        "created_at",
        lambda batch, view: age(batch.created_at, view.now),
        4,
        right=True,
        tone=muted,
        value=lambda batch: batch.created_at,
    ),
    RowColumn("act", "Act", "act", lambda batch, _: words(batch.act), 15, value=lambda batch: str(batch.act)),
    RowColumn(
        "status",
        "Status",
        "status",
        lambda batch, _: words(batch.status),
        9,
        tone=lambda batch: tone("batch", batch.status),
        value=lambda batch: batch.status,
    ),
    _count("done", "Done", "done", _plain),
    _count("failed", "Failed", "failed", _if_any("failed", Tone.ALARM)),
    _count("left", "Left", "waiting", _if_any("waiting", Tone.NEUTRAL)),
    _count("skipped", "Skipped", "skipped", _if_any("skipped", Tone.NEUTRAL)),
    _count("total", "Total", "total", _plain),
    RowColumn(
        "by",
        "By",
        "operator",
        lambda batch, _: plain(batch.operator.actor),
        8,
        24,
        1,
        tone=muted,
        value=lambda batch: batch.operator.actor,
    ),
    RowColumn("note", "Note", "note", _note, 14, 200, 2, value=lambda batch: batch.note),
    RowColumn(
        "why",
        "Stopped by",
        "why",
        lambda batch, _: plain(batch.why or ""),
        14,
        200,
        1,
        tone=lambda _: Tone.WAITING,
        value=lambda batch: batch.why,
    ),
)

BATCH_COLUMNS = by_name(_ALL)
_NARROW = ("batch", "age", "act", "status", "done", "failed", "left", "by")

BATCHES = ListLook(
    BATCH_COLUMNS,
    narrow=_NARROW,
    wide=(*_NARROW, "note", "why"),
    first=SortBy("batch"),
    ascending=frozenset(("act", "status", "by", "note", "why")),
)
