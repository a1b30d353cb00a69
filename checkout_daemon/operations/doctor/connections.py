"""Check that the server allows as many connections as the daemon may open."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.intake import LANES
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes

NAME = "connections"
BESIDES = LANES + 1
"""What a process opens besides CHECKOUT_DATABASE_CONNECTIONS: for deliveries, and to listen."""
_NEARLY_ALL = 0.9
_LOOK = "psql \"$DATABASE_URL\" --command 'TABLE pg_stat_activity'"


@dataclass(frozen=True, slots=True)
class ServerConnections:
    """The server's connections, and its limits; a limit of -1 means no limit."""

    most: int
    reserved: int
    open: int
    ours: int
    role_limit: int
    database_limit: int

    @property
    def allowed(self) -> int:
        """Return how many our user may have, if nobody else had any."""
        limits = (self.role_limit, self.database_limit)
        return min(self.most - self.reserved, *(limit for limit in limits if limit >= 0), self.most)


async def connections_suffice(probes: Probes) -> Check:
    """Check that one process may open all of its connections, and that the server has some left."""
    if probes.database is None or probes.server is None:
        raise DatabaseUnavailable("cannot be checked without the database")
    async with probes.database.connection() as connection:
        found = await read_connections(connection)
    wanted = probes.settings.database_connections + BESIDES
    detail = (
        f"{found.open} of {found.most} are open, {found.ours} by this user, who may have {found.allowed}; "
        f"one process of the daemon opens up to {wanted}"
    )
    if wanted > found.allowed:
        fewer = max(found.allowed - BESIDES, 2)
        return Check.failed(NAME, detail, f"export CHECKOUT_DATABASE_CONNECTIONS={fewer}")
    if found.open >= _NEARLY_ALL * (found.most - found.reserved):
        return Check.failed(NAME, f"{detail}: nearly all are in use", _LOOK)
    return Check.passed(NAME, detail)


async def read_connections(connection: asyncpg.Connection) -> ServerConnections:
    """Return what the server reports."""
    (row,) = await connection.fetch(sql("count_connections"))
    return ServerConnections(**dict(row))
