"""Orders as rows for spreadsheets and other programs: one for each order, or one for each of its items."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.model.orders import Order
from checkout_daemon.model.text import terminal_json
from checkout_daemon.orders.order_lists import ItemLine, OrderFilter
from checkout_daemon.orders.order_pages import all_orders

_ORDER_KEYS = tuple(field.name for field in fields(Order))
_ITEM_KEYS = tuple(f"item_{field.name}" for field in fields(ItemLine))
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # how a formula begins in spreadsheets, by OWASP's list
_PHONE = re.compile(r"\+[0-9]+")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Rows to write, and how many orders they are of."""

    orders: int
    rows: tuple[Row, ...]


async def export_orders(
    database: Database, wanted: OrderFilter, *, limit: int | None, items: bool
) -> AsyncIterator[ExportPage]:
    """Yield orders page by page, newest first; amounts in minor units, times as RFC 3339 in UTC."""
    async for page in all_orders(database, wanted, limit=limit):
        rows: list[Row] = [msgspec.to_builtins(order) for order in page]
        if items:
            by_id = {order.id: row for order, row in zip(page, rows, strict=True)}
            async with database.connection() as connection:
                lines = await connection.fetch(sql("read_items_of_orders"), list(by_id))
            rows = [by_id[str(order_id)] | dict(zip(_ITEM_KEYS, item, strict=True)) for order_id, *item in lines]
        yield ExportPage(len(page), tuple(rows))


def csv_header(*, items: bool) -> str:
    """Return the header line of a CSV file of orders, or of their items."""
    return _written([[*_ORDER_KEYS, *(_ITEM_KEYS if items else ())]])


def csv_lines(rows: Iterable[Row]) -> str:
    """Return rows as lines of CSV that no spreadsheet takes for formulas."""
    return _written([_cell(value) for value in row.values()] for row in rows)


def json_lines(rows: Iterable[Row]) -> str:
    """Return rows as lines of JSON that are safe to show in a terminal."""
    return terminal_json(msgspec.json.Encoder().encode_lines(list(rows)).decode())


def _written(lines: Iterable[Iterable[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(lines)
    return written.getvalue()


def _cell(value: Any) -> str:
    """Return a value as text. Customers choose their names: an apostrophe keeps a name from becoming a formula."""
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
