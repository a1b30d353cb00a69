"""Counts the deliveries that each webhook secret signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql


@dataclass(frozen=True, slots=True)
class Matches:
    """Deliveries that one secret signed since a time, and when it last signed one at all."""

    matches: int
    last_at: datetime


async def count_matches(connection: asyncpg.Connection, counted: Mapping[str, Matches]) -> None:
    """Add these counts to the stored ones."""
    await connection.execute(
        sql("count_secret_matches"),
        list(counted),
        [each.matches for each in counted.values()],
        [each.last_at for each in counted.values()],
    )


async def read_matches(connection: asyncpg.Connection, since: datetime) -> dict[str, Matches]:
    """Return the matches since a time by fingerprint, the last used first."""
    rows = await connection.fetch(sql("read_secret_matches"), since)
    return {row["fingerprint"]: Matches(row["matches"], row["last_at"]) for row in rows}


async def forget_matches(connection: asyncpg.Connection, before: datetime) -> None:
    """Delete older hours, except the last one of each secret."""
    await connection.execute(sql("forget_secret_matches"), before)
