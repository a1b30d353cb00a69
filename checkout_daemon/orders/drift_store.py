"""What differs from Stripe and was not applied: stored for `checkout todo`, until it is applied or agrees."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql


class DriftedField(msgspec.Struct, frozen=True, array_like=True):
    """A field with its value here and at Stripe, None where it has none. `fixable`: merging fixes it."""

    object_id: str
    field: str
    stored: str | None
    at_stripe: str | None
    fixable: bool


_DRIFT = msgspec.json.Decoder(tuple[DriftedField, ...])


async def record_drift(connection: asyncpg.Connection, order_id: str, found: Sequence[DriftedField]) -> None:
    """Store what differs now instead of what differed before; nothing differs if it is empty."""
    if found:
        await connection.execute(sql("record_drift"), order_id, msgspec.json.encode(found).decode())
    else:
        await connection.execute(sql("forget_drift"), order_id)


async def drifts_to_compare(connection: asyncpg.Connection, limit: int, *, livemode: bool) -> list[str]:
    """Return orders that have changed since they were found different."""
    return [str(row["order_id"]) for row in await connection.fetch(sql("drifts_to_compare"), livemode, limit)]


async def put_off_drift(connection: asyncpg.Connection, order_id: str) -> None:
    """Leave an order alone until it changes again."""
    await connection.execute(sql("put_off_drift"), order_id)


def decode_drift(differences: str) -> tuple[DriftedField, ...]:
    """Return what is stored of an order."""
    return _DRIFT.decode(differences)
