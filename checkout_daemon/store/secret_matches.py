"""How many deliveries each webhook secret has signed, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.store.queries import sql


@dataclass(frozen=True, slots=True)
class Matches:
    """Of one secret: deliveries since the asked time, and when the last one was, whenever that was."""

    matches: int
    last_at: datetime


async def count_matches(connection: asyncpg.Connection, counted: Mapping[str, Matches]) -> None:
    """Add these to what is counted already."""
    await connection.execute(
        sql("count_secret_matches"),
        list(counted),
        [each.matches for each in counted.values()],
        [each.last_at for each in counted.values()],
    )


async def read_matches(connection: asyncpg.Connection, since: datetime) -> dict[str, Matches]:
    """By fingerprint, the last used first."""
    rows = await connection.fetch(sql("read_secret_matches"), since)
    return {row["fingerprint"]: Matches(row["matches"], row["last_at"]) for row in rows}


async def forget_matches(connection: asyncpg.Connection, before: datetime) -> None:
    await connection.execute(sql("forget_secret_matches"), before)
