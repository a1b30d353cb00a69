"""A connection to the server, and the plans that it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import asyncpg

from checkout_daemon.database.away import AWAY

CANCEL_SECONDS = 1.0
"""How long the server may take to cancel a statement before the connection is cut."""

# How long plans are kept at first, and at most.
_PLANS_SECONDS = 1.0
_LONGEST_PLANS_SECONDS = 3600.0

PLANNER: Mapping[str, str] = {"enable_seqscan": "off", "jit": "off", "max_parallel_workers_per_gather": "0"}
"""Settings that make the planner use indexes, which every statement has, and turn off JIT compilation and workers.

Otherwise a table that was empty when last analyzed is read whole for as long as the plan is cached, and a plan whose
cost is overestimated is compiled, which takes longer than running it, or waits 15 ms for parallel workers to start.
"""

GENERIC_PLANS: Mapping[str, str] = {"plan_cache_mode": "force_generic_plan"}
"""A setting that makes the planner plan each prepared statement once, for any parameters.

By default, a statement with a short array is planned at each execution, which takes longer than running it: the planner
compares the cost for the array at hand with that for one of ten elements, and the former always wins. Not for arrays of
dozens of elements, whose own plan is worth its time.
"""

_CHECK: Mapping[str, str] = {"client_connection_check_interval": f"{CANCEL_SECONDS:g}s"}
"""Has the server end a statement whose connection was cut. Some platforms do not support it."""


class PooledConnection(asyncpg.Connection):
    """A connection that is returned without the round trip of a session reset: no code here leaves session state."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Open as asyncpg does. Its plans are remade after a second, then each time that it is four times as old."""
        super().__init__(*args, **kwargs)
        self._opened_at = monotonic()
        self._plans_end_at = self._opened_at + _PLANS_SECONDS

    async def renew_plans(self) -> None:
        """Have the server remake its plans if they are due.

        A plan is kept until its tables are analyzed. One that was made while a table was empty may read a whole index
        for each row, which costs nothing then, and much after some thousand rows.
        """
        now = monotonic()
        if now >= self._plans_end_at:
            self._plans_end_at = now + min(3 * (now - self._opened_at), _LONGEST_PLANS_SECONDS)
            await self.execute("DISCARD PLANS")

    def get_reset_query(self) -> str:
        """Return no statement: nothing is reset."""
        return ""

    async def close(self, *, timeout: float | None = None) -> None:
        """Close the connection, without waiting for a server that does not answer."""
        try:
            await super().close(timeout=min(timeout or CANCEL_SECONDS, CANCEL_SECONDS))
        except AWAY:
            self.terminate()


class SharedConnection(PooledConnection):
    """A connection through a transaction pooler, which may use another connection of the server for each transaction.

    Settings of the session would stay with connections that belong to everybody. So every statement runs in a
    transaction, and each transaction begins with our settings, which end with it, in the same round trip.
    """

    _preamble = ""

    def begin_with(self, settings: Mapping[str, str]) -> None:
        """Use the settings in every transaction from now on."""
        # asyncpg turns JIT off around a query of its own, and back to what it found: ours, but for the whole session.
        inner: Any = self
        inner._server_caps = inner._server_caps._replace(jit=False)
        self._preamble = "".join(f" SET LOCAL {name} = '{value}';" for name, value in settings.items())

    async def renew_plans(self) -> None:
        """Do nothing: no plan outlives its transaction."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Execute as asyncpg does, in a transaction."""
        if args or self.is_in_transaction():
            return await super().execute(query, *args, timeout=timeout)
        if query.startswith("BEGIN"):
            return await super().execute(query + self._preamble, timeout=timeout)
        async with self.transaction():
            return await super().execute(query, timeout=timeout)

    async def _execute(self, *args: Any, **kwargs: Any) -> Any:
        if self.is_in_transaction():
            return await super()._execute(*args, **kwargs)  # type: ignore[misc]  # not in asyncpg's stubs
        async with self.transaction():
            return await super()._execute(*args, **kwargs)  # type: ignore[misc]

    async def _executemany(self, *args: Any, **kwargs: Any) -> Any:
        if self.is_in_transaction():
            return await super()._executemany(*args, **kwargs)  # type: ignore[misc]
        async with self.transaction():
            return await super()._executemany(*args, **kwargs)  # type: ignore[misc]


async def settle(connection: asyncpg.Connection, settings: Mapping[str, str]) -> bool:
    """Apply the settings to the session, and return whether it is ours alone.

    A pooler greets its clients with a process id of its own. Then nothing is applied, and False is returned.
    """
    try:
        return await _apply(connection, {**settings, **_CHECK})
    except asyncpg.InvalidParameterValueError:
        return await _apply(connection, settings)


async def use_schema(connection: asyncpg.Connection, schema: str | None) -> None:
    """Have a session that is ours alone find the tables of a schema; with None, those of the server's search path."""
    if schema is not None:
        await connection.execute(f'SET search_path = "{schema}"')


async def is_alone(connection: asyncpg.Connection) -> bool:
    """Return whether the connection leads to a process of the server, and to no pooler."""
    return await _apply(connection, {})


async def _apply(connection: asyncpg.Connection, settings: Mapping[str, str]) -> bool:
    """Set everything if the server's process is the one that greeted us; in one simple query, as poolers like it."""
    values = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
    ours = f"FROM pg_backend_pid() AS pid WHERE pid = {connection.get_server_pid()}"
    return await connection.execute(f"SELECT {values} {ours}") == "SELECT 1"
