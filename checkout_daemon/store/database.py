"""The pool of connections, and what its failures mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import asyncpg

from checkout_daemon.errors import ConfigurationError, DatabaseUnavailable

T = TypeVar("T")

# What asyncpg raises when the server is away, going away, or out of resources; never for a fault of a statement.
_AWAY = (
    OSError,  # with TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection used between the server's farewell and its end
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)

ACQUIRE_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 30.0


class LostRace(Exception):
    """Another transaction won; the same work, done again, succeeds."""


LOST_RACES = (LostRace, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_MOST_RACES = 4


class _Connection(asyncpg.Connection):
    """Given back without the round trip that resets a session: nothing here leaves any state in one."""

    def get_reset_query(self) -> str:
        return ""


async def settle_plans(connection: asyncpg.Connection) -> None:
    """Keep to the indexes, which every statement has.

    A table that was empty when last analyzed is read whole otherwise, for as long as the plan is kept; and a plan
    whose cost is overestimated is compiled, which takes longer than the statement.
    """
    await connection.execute("SET enable_seqscan = off; SET jit = off")


class Database:
    """A pool whose connection failures are DatabaseUnavailable. It opens lazily: the server may be down meanwhile."""

    def __init__(
        self,
        url: str,
        *,
        min_size: int = 0,
        max_size: int = 10,
        pooler: bool = False,
        statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
    ) -> None:
        """`pooler`: the URL leads to a transaction pooler, which knows no prepared statements."""
        self._statement_timeout_seconds = statement_timeout_seconds
        self._url = url
        self._pooler = pooler
        self._min_size = min_size
        self._max_size = max_size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection from the pool. Raises DatabaseUnavailable when the server is away, at any point of the block."""
        with unavailable_when_away():
            pool = await self._open()
            async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
                yield connection  # type: ignore[misc]  # the pool's proxy stands in for a connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection with a transaction around the block: committed at its end, rolled back on any error."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def run(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Do the work in a transaction, and again where another transaction won a race against it."""
        for _ in range(_MOST_RACES):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except LOST_RACES:
                continue
        async with self.transaction() as connection:
            return await work(connection)

    async def close(self) -> None:
        """Wait briefly for borrowed connections, then close all."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except _AWAY:
                pool.terminate()

    def usage(self) -> tuple[int, int]:
        """(connections open, connections idle)."""
        return (0, 0) if self._pool is None else (self._pool.get_size(), self._pool.get_idle_size())

    async def _open(self) -> asyncpg.Pool:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self._url,
                        min_size=self._min_size,
                        max_size=self._max_size,
                        timeout=ACQUIRE_TIMEOUT_SECONDS,
                        command_timeout=self._statement_timeout_seconds,
                        statement_cache_size=0 if self._pooler else 200,
                        connection_class=_Connection,
                        init=settle_plans,
                    )
        return self._pool


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """What the block raises because the server is away becomes DatabaseUnavailable; a bad URL ConfigurationError."""
    try:
        yield
    except asyncpg.exceptions.ClientConfigurationError as error:
        raise ConfigurationError(
            "DATABASE_URL is not of the form postgresql://user:password@host:port/database"
        ) from error
    except _AWAY as error:
        if isinstance(error, ValueError):  # an argument that cannot be encoded is an InterfaceError too
            raise
        raise DatabaseUnavailable(f"the database does not answer: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """One line without the address or the password of the database."""
    return type(error).__name__ if isinstance(error, OSError) else (str(error) or type(error).__name__)
