"""Brings the reservations of orders into the states that follow from the orders, in the transaction of a merge.

Locks are taken in one sequence: nodes, orders, events, then products by sku.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import asyncpg

from checkout_daemon.catalog.stock_levels import CATALOG_CHANNEL, changes_what_is_shown, lock_stock
from checkout_daemon.database.queries import sql
from checkout_daemon.ledger.reservations import Move, Reservation, ReservationState, Wish, decide

_KINDS = {ReservationState.SOLD: "sold", ReservationState.WITHHELD: "withheld"}


async def settle(
    connection: asyncpg.Connection, wishes: Sequence[tuple[str, Reservation, Wish]], actor: str
) -> list[Move]:
    """Fulfil the wishes as far as pieces are free, write what changed, and return it. The orders must be locked."""
    if not any(wanted.state is not held.state for _, held, wanted in wishes):
        return []
    levels = await lock_stock(connection, {held.sku for _, held, _ in wishes})
    moves = decide(wishes, {level.sku: level.free for level in levels})
    if moves:
        await write_moves(connection, moves, {level.sku: level.free for level in levels}, actor)
    return moves


async def write_moves(
    connection: asyncpg.Connection, moves: Sequence[Move], free: Mapping[str, int], actor: str
) -> None:
    """Write moves and announce them if shoppers can see them. The products must be locked; `free` is from before."""
    rows = [
        (move.order_id, move.after.sku, move.after.state.value, move.after.restocked, move.change, _kind(move))
        for move in moves
    ]
    await connection.execute(sql("move_stock"), *map(list, zip(*rows, strict=True)), actor)
    if changes_what_is_shown(free, _freed(moves)):
        await connection.execute(sql("notify"), CATALOG_CHANNEL)


async def restock(
    connection: asyncpg.Connection, order_id: str, units: Mapping[str, int], request_id: str, actor: str
) -> None:
    """Put pieces that an order bought back into stock, once for a refund request. The order must be locked.

    No more goes back than was sold; what is not counted is left out.
    """
    free = {level.sku: level.free for level in await lock_stock(connection, units)}
    rows = await connection.fetch(
        sql("restock"), order_id, list(units), list(map(max, units.values(), repeat(0))), request_id, actor
    )
    if changes_what_is_shown(free, {row["sku"]: row["units"] for row in rows}):
        await connection.execute(sql("notify"), CATALOG_CHANNEL)


async def withhold(connection: asyncpg.Connection, order_id: str, held: Sequence[Reservation], actor: str) -> None:
    """Take reserved pieces out of the stock, which an order that is being canceled does not give back."""
    free = {level.sku: level.free for level in await lock_stock(connection, {one.sku for one in held})}
    moves = decide([(order_id, one, Wish(ReservationState.WITHHELD)) for one in held], free)
    if moves:
        await write_moves(connection, moves, free, actor)


def _kind(move: Move) -> str:
    return _KINDS.get(move.after.state, "returned")


def _freed(moves: Iterable[Move]) -> dict[str, int]:
    freed: dict[str, int] = {}
    for move in moves:
        freed[move.after.sku] = freed.get(move.after.sku, 0) + move.freed
    return freed
