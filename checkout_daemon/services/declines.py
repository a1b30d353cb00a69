"""Counts declined payments, by which card testing is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.orders import resolve_ref
from checkout_daemon.store import declines

_WINDOW = timedelta(hours=1)


async def count_declines(runtime: Runtime, *, email: str, ref: str, order_ids: Sequence[str]) -> int:
    """Return the payments declined within the hour: of the email, or that of the order `ref` names, or of the orders.

    Raises NotFound where `ref` names no order.
    """
    order_id = await resolve_ref(runtime, ref) if ref else None
    async with runtime.database.connection() as connection:
        counts = await declines.count_declines(
            connection, email=email, order_id=order_id, order_ids=order_ids, since=datetime.now(UTC) - _WINDOW
        )
    return max(counts)
