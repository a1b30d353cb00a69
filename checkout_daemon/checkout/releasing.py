"""Releases what is reserved for sessions that have surely ended, although no event about their end has arrived."""

from __future__ import annotations

from checkout_daemon.database.queries import sql
from checkout_daemon.ledger.merge import locked_order
from checkout_daemon.runtime import Runtime

_MOST_PER_TURN = 200


async def release_lapsed(runtime: Runtime) -> int:
    """Bring the reservations whose time is over into the state that follows, and return the number of their orders."""
    async with runtime.database.connection() as connection:
        due = await connection.fetch(sql("lapsed_reservations"), _MOST_PER_TURN)
    for row in due:
        await runtime.database.run_unconfirmed(locked_order, str(row["order_id"]))
    return len(due)
