"""Orders as rows for spreadsheets and other programs: one for each order, or one for each of its items."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import PAGE
from checkout_daemon.model.address import Address
from checkout_daemon.model.charges import PaidWith
from checkout_daemon.model.csv_cells import cell, csv_text
from checkout_daemon.model.orders import Order
from checkout_daemon.model.text import terminal_json
from checkout_daemon.orders.charge_lines import read_paid_with
from checkout_daemon.orders.order_filter import Extent, OrderFilter
from checkout_daemon.orders.order_lists import ItemLine
from checkout_daemon.orders.order_pages import orders_with_charges
from checkout_daemon.orders.shipping_store import read_shipping, read_taxes
from checkout_daemon.private_files import publish

_ORDER_KEYS = tuple(field.name for kind in (Order, PaidWith) for field in fields(kind))
_SHIPPING_KEYS = (
    *(f"shipping_{field.name}" for field in fields(Address)),
    *("shipping_label", "carrier", "tracking_number", "tracking_url", "taxes"),
)
_ITEM_KEYS = tuple(f"item_{field.name}" for field in fields(ItemLine))

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Rows to write, and how many orders they are of."""

    orders: int
    rows: tuple[Row, ...]


async def export_orders(
    database: Readable,
    wanted: OrderFilter,
    *,
    limit: int | None,
    items: bool,
    extent: Extent | None = None,
    selling: bool = False,
) -> AsyncIterator[ExportPage]:
    """Yield orders page by page, newest first; amounts in minor units, times as RFC 3339 in UTC.

    `extent` is as for list_orders. `selling`: with how and where to orders are sent, and their taxes.
    """
    async for page in orders_with_charges(database, wanted, limit=limit, extent=extent):
        yield await _page(database, page, items=items, selling=selling)


async def export_these(
    database: Readable, orders: Sequence[Order], *, items: bool, selling: bool = False
) -> AsyncIterator[ExportPage]:
    """Yield these orders page by page, each once, in this sequence, as export_orders does."""
    once = list({order.id: order for order in orders}.values())
    for start in range(0, len(once), PAGE):
        part = once[start : start + PAGE]
        async with database.connection() as connection:
            paid = await read_paid_with(connection, [order.id for order in part])
        yield await _page(database, [(order, paid[order.id]) for order in part], items=items, selling=selling)


async def write_csv(database: Readable, orders: Sequence[Order], path: Path, *, selling: bool = False) -> int:
    """Write these orders to a new private file, and return how many. Raise FileExistsError, and OSError for others."""
    count = 0
    with publish(path, replace=False) as new, os.fdopen(os.dup(new), "w", encoding="utf-8") as file:
        file.write(csv_header(items=False, selling=selling))
        async for page in export_these(database, orders, items=False, selling=selling):
            file.write(csv_lines(page.rows))
            count += page.orders
    return count


async def _page(
    database: Readable, page: Sequence[tuple[Order, PaidWith]], *, items: bool, selling: bool
) -> ExportPage:
    rows: list[Row] = [msgspec.to_builtins(order) | msgspec.to_builtins(paid) for order, paid in page]
    if selling:
        await _add_shipping(database, rows)
    if items:
        by_id = {order.id: row for (order, _), row in zip(page, rows, strict=True)}
        async with database.connection() as connection:
            lines = await connection.fetch(sql("read_items_of_orders"), list(by_id))
        rows = [by_id[str(order_id)] | dict(zip(_ITEM_KEYS, item, strict=True)) for order_id, *item in lines]
    return ExportPage(len(page), tuple(rows))


async def _add_shipping(database: Readable, rows: Sequence[Row]) -> None:
    """Add how and where to orders are sent, and their taxes as `standard 20% 483; reduced 10% 90`."""
    sent = [row["id"] for row in rows if row["amount_shipping"] is not None]
    taxed = [row["id"] for row in rows if row["amount_tax"] is not None]
    async with database.connection() as connection:
        shipping = await read_shipping(connection, sent) if sent else {}
        taxes = await read_taxes(connection, taxed) if taxed else {}
    for row in rows:
        row |= dict.fromkeys(_SHIPPING_KEYS)
        if (found := shipping.get(row["id"])) is not None:
            row |= {f"shipping_{field.name}": getattr(found.address, field.name) for field in fields(Address)}
            row |= {"shipping_label": found.label, "carrier": found.carrier}
            row |= {"tracking_number": found.tracking_number, "tracking_url": found.tracking_url}
        if lines := taxes.get(row["id"]):
            row["taxes"] = "; ".join(f"{line.tax_class} {line.percent:f}% {line.amount}" for line in lines)


def csv_header(*, items: bool, selling: bool = False) -> str:
    """Return the header line of a CSV file of orders, or of their items."""
    return csv_text([[*_ORDER_KEYS, *(_SHIPPING_KEYS if selling else ()), *(_ITEM_KEYS if items else ())]])


def csv_lines(rows: Iterable[Row]) -> str:
    """Return rows as lines of CSV that no spreadsheet takes for formulas."""
    return csv_text([cell(value) for value in row.values()] for row in rows)


def json_lines(rows: Iterable[Row]) -> str:
    """Return rows as lines of JSON that are safe to show in a terminal."""
    return terminal_json(msgspec.json.Encoder().encode_lines(list(rows)).decode())
