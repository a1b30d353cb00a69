"""The standbys of the database: which commits wait for them, and how far they are behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from checkout_daemon.database.queries import sql


@dataclass(frozen=True, slots=True)
class Standby:
    """A connected standby. What the database's user may not see is None."""

    name: str
    state: str | None
    sync_state: str | None
    bytes_behind: int | None
    replay_lag: timedelta | None

    @property
    def confirms(self) -> bool:
        """Return whether commits wait for it, alone or as one of several."""
        return self.sync_state in ("sync", "quorum") and self.state == "streaming"


@dataclass(frozen=True, slots=True)
class Replication:
    """The server's setting `synchronous_commit`, the standbys that commits should wait for, and those there are."""

    synchronous_commit: str
    wanted: str
    in_recovery: bool
    standbys: tuple[Standby, ...]

    @property
    def hidden(self) -> bool:
        """Return whether the database's user may not see the state of the standbys."""
        return any(standby.state is None for standby in self.standbys)


async def read_replication(connection: asyncpg.Connection) -> Replication:
    """Return what the server reports."""
    (row,) = await connection.fetch(sql("describe_replication"))
    standbys = tuple(Standby(**dict(standby)) for standby in await connection.fetch(sql("list_standbys")))
    return Replication(row["synchronous_commit"], row["wanted"], row["in_recovery"], standbys)
