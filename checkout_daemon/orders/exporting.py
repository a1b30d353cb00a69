"""Orders as rows for spreadsheets and other programs: one for each order, or for each of its items."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from checkout_daemon.database.pool import Database
from checkout_daemon.model.orders import Order
from checkout_daemon.model.text import terminal_json
from checkout_daemon.orders import order_lists
from checkout_daemon.orders.order_lists import ItemLine, OrderFilter
from checkout_daemon.orders.pages import all_orders

_ORDER_KEYS = tuple(field.name for field in fields(Order))
_ITEM_KEYS = tuple(field.name for field in fields(ItemLine))
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # what spreadsheets begin to calculate at; OWASP has the list
_PHONE = re.compile(r"\+[0-9]+")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExportPage:
    orders: int
    rows: tuple[Row, ...]


async def export_orders(
    database: Database, wanted: OrderFilter, *, limit: int | None, items: bool
) -> AsyncIterator[ExportPage]:
    """Page after page, newest first; amounts in minor units, times as RFC 3339 in UTC."""
    async for page in all_orders(database, wanted, limit=limit):
        rows: list[Row] = [msgspec.to_builtins(order) for order in page]
        if items:
            async with database.connection() as connection:
                of_order = await order_lists.read_items_of_orders(connection, [order.id for order in page])
            rows = [
                {**row, **{f"item_{key}": getattr(item, key) for key in _ITEM_KEYS}}
                for row in rows
                for item in of_order.get(row["id"], ())
            ]
        yield ExportPage(len(page), tuple(rows))


def csv_header(*, items: bool) -> str:
    return _written([[*_ORDER_KEYS, *(f"item_{key}" for key in _ITEM_KEYS if items)]])


def csv_lines(rows: Iterable[Row]) -> str:
    return _written([_cell(value) for value in row.values()] for row in rows)


def json_lines(rows: Iterable[Row]) -> str:
    return terminal_json(msgspec.json.Encoder().encode_lines(list(rows)).decode())


def _written(lines: Iterable[Iterable[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(lines)
    return written.getvalue()


def _cell(value: Any) -> str:
    """Customers choose their names: what a spreadsheet would take for a formula is made text by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return " ".join(value)
    text = str(value)
    if isinstance(value, str) and _FORMULA.match(text) and not _PHONE.fullmatch(text):
        return f"'{text}"
    return text
