"""Lists, sets and adjusts the stock of products, with an audit entry for every change, and shows its history."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, check_note, record_without_order
from checkout_daemon.audit.operators import Operator
from checkout_daemon.catalog.stock_levels import MOST_PIECES, StockChange, change_stock, lock_stock
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest, NotFound
from checkout_daemon.ledger.merge import locked_order
from checkout_daemon.model.stock import Movement, StockLine

_MOST_SERVED = 200


class NotCounted(CheckoutError, code="not_counted", status=409, exit_code=4, title="The product is not counted"):
    """The product has no stock to adjust."""


@dataclass(frozen=True, slots=True)
class StockChanged:
    """The stock before and after a change, and the numbers of the oversold orders that got their pieces by it."""

    before: int | None
    line: StockLine
    served: tuple[int, ...] = ()


async def list_stock(database: Readable, *, uncounted: bool = False) -> list[StockLine]:
    """Return the counted products, those with the least free pieces first; with `uncounted` the others after them."""
    async with database.connection() as connection:
        rows = await connection.fetch(sql("list_stock"), None, uncounted)
    return [record_of(StockLine, row) for row in rows]


async def stock_history(database: Readable, sku: str, limit: int = 50) -> list[Movement]:
    """Return the last changes of a product's stock, newest first. Raise NotFound if nothing is known of the product."""
    async with database.connection() as connection:
        rows = await connection.fetch(sql("stock_history"), sku, limit)
        if not rows:
            await _line(connection, sku)
    return [record_of(Movement, row) for row in rows]


async def takes_stock(database: Readable, order_id: str) -> bool:
    """Return whether an order has reserved or bought counted pieces."""
    async with database.connection() as connection:
        return bool(await connection.fetchval(sql("takes_stock"), order_id))


async def set_stock(
    database: Database,
    sku: str,
    stock: int | None,
    *,
    operator: Operator,
    note: str = "",
    seen: StockLine | None = None,
) -> StockChanged:
    """Set how many pieces of a product are not sold; None: count it no longer. It may be less than is reserved.

    `seen` is what the operator has seen of it: nothing is set if its stock is another by now, as pieces were sold.
    Raise NotFound, or InvalidRequest for the number, the note, or another stock than was seen.
    """
    if stock is not None and not 0 <= stock <= MOST_PIECES:
        detail = f"a stock is a whole number from 0 to {MOST_PIECES}, not {stock}"
        raise InvalidRequest([FieldError("/stock", "invalid_stock", detail)])
    before = await database.run(_set, sku, stock, operator, check_note(note), seen)
    return await _changed(database, sku, before)


async def adjust_stock(database: Database, sku: str, by: int, *, operator: Operator, note: str = "") -> StockChanged:
    """Add pieces to a product's stock, or take some away. It may become less than is reserved.

    Raise NotFound, NotCounted, or InvalidRequest for the number or the note.
    """
    before = await database.run(_adjust, sku, by, operator, check_note(note))
    return await _changed(database, sku, before)


async def serve_oversold(database: Database, skus: Collection[str]) -> tuple[int, ...]:
    """Give free pieces of these products to oversold orders, the oldest first, and return the numbers of those served.

    Call it after the commit that made the pieces free.
    """
    async with database.connection() as connection:
        waiting = await connection.fetch(sql("oversold_orders"), list(skus), _MOST_SERVED)
    served: list[int] = []
    for row in waiting:
        merged = await database.run(locked_order, str(row["id"]))
        if not merged.is_oversold(str(row["id"])):
            served.append(row["number"])
    return tuple(served)


async def _set(
    connection: asyncpg.Connection, sku: str, stock: int | None, operator: Operator, note: str, seen: StockLine | None
) -> int | None:
    await _line(connection, sku)
    known = await change_stock(connection, {sku: stock}, StockChange("set", operator.actor, note))
    before = None if (level := known[sku]) is None else level.stock
    if seen is not None and before != seen.stock:
        was, now = ("not counted" if pieces is None else str(pieces) for pieces in (seen.stock, before))
        detail = f"the stock of {sku} was {was} when it was shown, and is {now} now: look again, then set it"
        raise InvalidRequest([FieldError("/stock", "invalid_stock", detail)])
    await _record(connection, "stock.set", operator, note, sku, before, stock)
    return before


async def _adjust(connection: asyncpg.Connection, sku: str, by: int, operator: Operator, note: str) -> int:
    await _line(connection, sku)
    levels = await lock_stock(connection, [sku])
    if not levels:
        raise NotCounted(f"{sku} is not counted: `checkout stock set {sku} N` begins to count it")
    before = levels[0].stock
    after = before + by
    if after > MOST_PIECES:
        detail = f"{sku} has {before} pieces that are not sold: {by} more are above the {MOST_PIECES} that are counted"
        raise InvalidRequest([FieldError("/by", "invalid_stock", detail)])
    if not by:
        detail = f"the stock of {sku} cannot be changed by {by}: it is {before}"
        raise InvalidRequest([FieldError("/by", "invalid_stock", detail)])
    if by < 0 and after < 0:
        detail = f"{sku} has {before} pieces that are not sold: {-by} cannot be taken away"
        raise InvalidRequest([FieldError("/by", "invalid_stock", detail)])
    await change_stock(connection, {sku: after}, StockChange("adjusted", operator.actor, note))
    await _record(connection, "stock.adjusted", operator, note, sku, before, after)
    return before


async def _record(
    connection: asyncpg.Connection,
    kind: str,
    operator: Operator,
    note: str,
    sku: str,
    before: int | None,
    after: int | None,
) -> None:
    details = {"sku": sku, "before": before, "after": after}
    await record_without_order(connection, [OperatorAction(kind, operator, note, details)])


async def _changed(database: Database, sku: str, before: int | None) -> StockChanged:
    served = await serve_oversold(database, [sku])
    async with database.connection() as connection:
        return StockChanged(before, await _line(connection, sku), served)


async def _line(connection: asyncpg.Connection, sku: str) -> StockLine:
    row = await connection.fetchrow(sql("list_stock"), sku, True)
    if row is None:
        raise NotFound(f"there is no product {sku}: `checkout catalog list` shows all")
    return record_of(StockLine, row)
