"""The columns of the list of stock."""

from __future__ import annotations

from checkout_daemon.model.sorting import SortBy
from checkout_daemon.model.stock import StockLine
from checkout_daemon.present.columns import ListLook, RowColumn, by_name, short_count
from checkout_daemon.present.statuses import Tone
from checkout_daemon.present.text import plain

_FEW = 5


def _free_tone(line: StockLine) -> Tone:
    if line.free is None or line.free > _FEW:
        return Tone.NEUTRAL
    return Tone.WAITING if line.free > 0 else Tone.ALARM if line.free < 0 else Tone.BAD


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


_ALL: tuple[RowColumn[StockLine], ...] = (
    RowColumn("sku", "SKU", "sku", lambda line, _: plain(line.sku), 14, 64, 1, value=lambda line: line.sku),
    RowColumn("name", "Product", "name", lambda line, _: plain(line.name), 16, 60, 2, value=lambda line: line.name),
    RowColumn(
        "stock",
        "Stock",
        "stock",
        lambda line, _: "not counted" if line.stock is None else f"{line.stock:,}",
        11,
        right=True,
        tone=lambda line: Tone.MUTED if line.stock is None else Tone.NEUTRAL,
        value=lambda line: line.stock,
        short=short_count,
    ),
    RowColumn(
        "reserved", "Reserved", "reserved", lambda line, _: _number(line.reserved), 9, right=True,
        value=lambda line: line.reserved,
    ),
    RowColumn(
        "free", "Free", "free", lambda line, _: _number(line.free), 7, right=True, tone=_free_tone,
        value=lambda line: line.free, short=short_count,
    ),
    RowColumn(
        "oversold", "Oversold", "oversold", lambda line, _: _number(line.oversold or None), 9, right=True,
        tone=lambda line: Tone.ALARM if line.oversold else Tone.NEUTRAL, value=lambda line: line.oversold,
    ),
)  # fmt: skip

STOCK_COLUMNS = by_name(_ALL)
_USUAL = ("sku", "name", "stock", "reserved", "free", "oversold")

STOCK = ListLook(
    STOCK_COLUMNS, narrow=_USUAL, wide=_USUAL, first=SortBy("free", descending=False), ascending=frozenset(_USUAL)
)
