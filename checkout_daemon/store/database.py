"""The pool of connections, what its failures mean, and when a result may be called durable."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg

from checkout_daemon.errors import ConfigurationError, DatabaseUnavailable
from checkout_daemon.patience import at_most, deadline
from checkout_daemon.store.hosts import WRONG_URL, connect, hosts_of
from checkout_daemon.store.queries import sql

log = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")

# What asyncpg raises when the server is away, going away, out of resources, or gives up a statement or transaction for
# a time limit that its operator set; never for a fault of a statement.
AWAY = (
    OSError,  # with TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection used between the server's farewell and its end; or no host takes writes
    asyncpg.OperatorInterventionError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # a lock it waits for no longer, or a database closed to connections
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)

# With these it does answer, and will answer the same until somebody changes the set-up.
_REFUSALS = (
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)

ACQUIRE_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 30.0
# How long the server may take to give up a statement before the connection is cut.
_CANCEL_SECONDS = 1.0
# A server that is silent makes every statement fail: its connections are given up once for all of them.
_EXPIRE_EVERY_SECONDS = 1.0


class LostRace(Exception):
    """Another transaction won; the same work, done again, succeeds."""


LOST_RACES = (
    LostRace,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,  # a migration added a column to what a prepared statement selects
)
_MOST_RACES = 4


class _Connection(asyncpg.Connection):
    """Given back without the round trip that resets a session: nothing here leaves any state in one."""

    def get_reset_query(self) -> str:
        return ""

    async def close(self, *, timeout: float | None = None) -> None:
        """Say goodbye, but do not wait for a server that does not answer."""
        try:
            await super().close(timeout=min(timeout or _CANCEL_SECONDS, _CANCEL_SECONDS))
        except AWAY:
            self.terminate()


async def settle_plans(connection: asyncpg.Connection) -> None:
    """Keep to the indexes, which every statement has.

    A table that was empty when last analyzed is read whole otherwise, for as long as the plan is kept; and a plan
    whose cost is overestimated is compiled, which takes longer than the statement.
    """
    await connection.execute("SET enable_seqscan = off; SET jit = off")


async def _settle(connection: asyncpg.Connection) -> None:
    await settle_plans(connection)
    # Have the server end a statement whose connection was cut; not every platform it runs on can.
    with suppress(asyncpg.InvalidParameterValueError):
        await connection.execute(f"SET client_connection_check_interval = '{_CANCEL_SECONDS:g}s'")


async def confirm_durable(connection: asyncpg.Connection) -> None:
    """Make the commit of this transaction wait until what it has read is durable, although it wrote nothing.

    A commit that wrote nothing waits for no standby. What it read may be a commit that was cancelled while it waited
    for the standby: it is on this server alone and is lost with it. Any answer that says "done" on the strength of a
    read needs this.
    """
    if await connection.fetchval(sql("confirm_durable")):
        raise asyncpg.ReadOnlySQLTransactionError("the server takes no writes")


class Database:
    """A pool whose connection failures are DatabaseUnavailable. It opens lazily: the server may be down meanwhile."""

    def __init__(
        self,
        url: str,
        *,
        max_size: int = 10,
        pooler: bool = False,
        statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
        block_timeout_seconds: float | None = None,
    ) -> None:
        """`pooler`: the URL leads to a transaction pooler, which knows no prepared statements.

        `block_timeout_seconds`: how long one block may hold a connection; then the connection is cut.
        """
        self._statement_timeout_seconds = statement_timeout_seconds
        self._block_timeout_seconds = block_timeout_seconds
        self._url = url
        self._pooler = pooler
        self._max_size = max_size
        self._pool: asyncpg.Pool | None = None
        self._several_hosts = False
        self._opening = asyncio.Lock()
        self._expired_at = 0.0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Borrow a connection from the pool.

        Raises DatabaseUnavailable when the server is away, at any point of the block; also when a commit in it was not
        replicated as the server is configured to, or the block outlasts what its caller may wait.
        """
        with unavailable_when_away():
            pool = await self._open()
            connection = await pool.acquire(timeout=at_most(ACQUIRE_TIMEOUT_SECONDS))
            watch = _Watch(connection, self._block_end())
            try:
                with replicated(connection):
                    yield connection  # type: ignore[misc]  # the pool's proxy stands in for a connection
            except BaseException as error:
                if watch.cut or isinstance(error, (TimeoutError, asyncpg.ReadOnlySQLTransactionError)):
                    await self._expire(pool)
                if watch.cut and isinstance(error, AWAY):
                    raise TimeoutError from error
                raise
            finally:
                watch.end()
                if self._several_hosts and turned_read_only(connection):
                    await self._expire(pool)
                with suppress(*AWAY):  # it is closed then, and the pool makes another
                    await pool.release(connection, timeout=_CANCEL_SECONDS)

    @asynccontextmanager
    async def transaction(self, *, confirm: bool = True) -> AsyncIterator[asyncpg.Connection]:
        """Open a transaction around the block: committed at its end, rolled back on any error.

        `confirm`: what the block found out counts as done. If it wrote nothing, its commit waits all the same until
        what it read is durable. Pass False only where nobody is promised anything, or where it always writes.
        """
        async with self.connection() as connection, connection.transaction():
            try:
                yield connection
                if confirm:
                    await confirm_durable(connection)
            except (TimeoutError, asyncio.CancelledError):
                # The rollback waits until the server has given up the statement; one that is frozen never does.
                asyncio.get_running_loop().call_later(_CANCEL_SECONDS, _terminate, connection)
                raise

    async def run(
        self, work: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(connection, *args, **kwargs)` in a transaction and return its result once that is durable.

        Run it again if another transaction won a race against it, or another host took over.
        """
        return await self._run(lambda connection: work(connection, *args, **kwargs), confirm=True)

    async def run_unconfirmed(
        self, work: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` as `run` does, but do not wait until what it only read is durable: see `transaction`."""
        return await self._run(lambda connection: work(connection, *args, **kwargs), confirm=False)

    async def _run(self, work: Callable[[asyncpg.Connection], Awaitable[T]], *, confirm: bool) -> T:
        for _ in range(_MOST_RACES):
            try:
                async with self.transaction(confirm=confirm) as connection:
                    return await work(connection)
            except LOST_RACES:
                continue
            except DatabaseUnavailable as error:
                if not (self._several_hosts and isinstance(error.__cause__, asyncpg.ReadOnlySQLTransactionError)):
                    raise
        async with self.transaction(confirm=confirm) as connection:
            return await work(connection)

    async def close(self) -> None:
        """Wait briefly for borrowed connections, then close all."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except AWAY:
                pool.terminate()

    def usage(self) -> tuple[int, int]:
        """(connections open, connections idle)."""
        return (0, 0) if self._pool is None else (self._pool.get_size(), self._pool.get_idle_size())

    async def _open(self) -> asyncpg.Pool:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._several_hosts = len(hosts_of(self._url)) > 1
                    self._pool = await asyncpg.create_pool(  # type: ignore[call-overload]  # its stub wants `connect` more narrow
                        self._url,
                        min_size=0,  # asyncpg logs a traceback a second for every connection it cannot keep open
                        max_size=self._max_size,
                        connect=connect,
                        command_timeout=self._statement_timeout_seconds,
                        statement_cache_size=0 if self._pooler else 200,
                        connection_class=_Connection,
                        init=_settle,
                    )
        return self._pool

    async def _expire(self, pool: asyncpg.Pool) -> None:
        """Have every connection made anew before it is used again: the server may have moved to another host."""
        now = asyncio.get_running_loop().time()
        if now - self._expired_at >= _EXPIRE_EVERY_SECONDS:
            self._expired_at = now
            log.warning("the database's connections are opened anew: the server is silent or read-only")
            await pool.expire_connections()

    def _block_end(self) -> float | None:
        ends = [deadline()]
        if self._block_timeout_seconds is not None:
            ends.append(asyncio.get_running_loop().time() + self._block_timeout_seconds)
        return min((end for end in ends if end is not None), default=None)


class _Watch:
    """Cuts a borrowed connection at a time; `cut` tells that it did. Waiting statements fail at once."""

    def __init__(self, connection: Any, end: float | None) -> None:
        self.cut = False
        self._connection = connection
        self._timer = None if end is None else asyncio.get_running_loop().call_at(end, self._cut)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self) -> None:
        self.cut = True
        _terminate(self._connection)


def _terminate(connection: Any) -> None:
    with suppress(asyncpg.InterfaceError):  # it was given back meanwhile
        connection.terminate()


def turned_read_only(connection: Any) -> bool:
    """Return whether the server has said that it takes no writes: a standby, or a primary that was demoted."""
    try:
        settings = connection.get_settings()
    except asyncpg.InterfaceError:  # closed
        return False
    return "on" in (
        getattr(settings, "in_hot_standby", None),
        getattr(settings, "default_transaction_read_only", None),
    )


@contextmanager
def replicated(connection: Any) -> Iterator[None]:
    """Raise DatabaseUnavailable at the end of the block if a commit in it was not replicated.

    A commit that is cancelled while it waits for the standby (by a statement timeout or an operator) *succeeds*, with a
    warning. The name of the server's function is the same in every language.
    """
    warned = False

    def notice(_: object, message: Any) -> None:
        nonlocal warned
        warned = warned or message.server_source_function == "SyncRepWaitForLSN"

    connection.add_log_listener(notice)
    try:
        yield
    finally:
        with suppress(asyncpg.InterfaceError):
            connection.remove_log_listener(notice)
    if warned:
        raise DatabaseUnavailable("the standby has not confirmed the commit: it may be lost with this server")


@asynccontextmanager
async def direct_connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection outside the pool, without a statement timeout, for migrations. Raise as Database does."""
    with unavailable_when_away():
        connection = await connect(url, command_timeout=None, statement_cache_size=0, connection_class=_Connection)
        try:
            with replicated(connection):
                yield connection
        finally:
            connection.terminate()


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Raise DatabaseUnavailable where the block fails because the server is away; ConfigurationError for a bad URL."""
    try:
        yield
    except asyncpg.exceptions.ClientConfigurationError as error:
        raise ConfigurationError(WRONG_URL) from error
    except AWAY as error:
        if isinstance(error, ValueError):  # an argument that cannot be encoded is an InterfaceError too
            raise
        how = "refuses" if isinstance(error, _REFUSALS) else "does not answer"
        raise DatabaseUnavailable(f"the database {how}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """Return one line without the address or the password of the database."""
    if isinstance(error, socket.gaierror):
        return "its host name is not known"
    if isinstance(error, ssl.SSLError):  # its numbers are no error numbers of the system
        return f"TLS failed: {getattr(error, 'reason', None) or type(error).__name__}"
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else type(error).__name__
    return str(error) or type(error).__name__
