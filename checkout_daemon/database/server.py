"""The PostgreSQL server: its version and its clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql


@dataclass(frozen=True, slots=True)
class Server:
    """What a server reports about itself."""

    version: str
    major: int
    now: datetime  # by its own clock


async def read_now(connection: asyncpg.Connection) -> datetime:
    """Return when the transaction began, by the database's clock, which all daemons share."""
    now: datetime = await connection.fetchval(sql("read_now"))
    return now


async def read_server(connection: asyncpg.Connection) -> Server:
    """Return the server's version and time."""
    (row,) = await connection.fetch(sql("describe_server"))
    return Server(row["version"].split()[0], row["version_number"] // 10_000, row["now"])
