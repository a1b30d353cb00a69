"""The connection pool, the meaning of its failures, and when a result counts as durable."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import asyncpg

from checkout_daemon.database.announcing import Announcements
from checkout_daemon.database.hosts import WRONG_URL, connect, hosts_of
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import ConfigurationError, DatabaseUnavailable
from checkout_daemon.patience import at_most, deadline

log = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")

# What asyncpg raises when the server is away, shutting down, out of resources, or ends a statement or transaction
# because of a time limit that its operator set; never for a faulty statement.
AWAY = (
    OSError,  # includes TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection used while the server closes it; or no host accepts writes
    asyncpg.OperatorInterventionError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # lock_timeout, or a database closed to connections
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)

# With these the server does answer, and repeats the answer until somebody changes the set-up.
_REFUSALS = (
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)

ACQUIRE_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 30.0
# How long the server may take to cancel a statement before the connection is cut.
_CANCEL_SECONDS = 1.0
# How long plans are kept at first, and at most.
_PLANS_SECONDS = 1.0
_LONGEST_PLANS_SECONDS = 3600.0
# A silent server makes every statement fail; its connections are dropped once for all of them.
_EXPIRE_EVERY_SECONDS = 1.0


class LostRace(Exception):
    """Another transaction won; the same work succeeds when it is repeated."""


LOST_RACES = (
    LostRace,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,  # a migration added a column that a prepared statement selects
)
_MOST_RACES = 4


class _Connection(asyncpg.Connection):
    """A connection that is returned without the round trip of a session reset: no code here leaves session state."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Open as asyncpg does. Its plans are remade after a second, then each time that its age has doubled."""
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
            self._plans_end_at = now + min(now - self._opened_at, _LONGEST_PLANS_SECONDS)
            await self.execute("DISCARD PLANS")

    def get_reset_query(self) -> str:
        """Return no statement: nothing is reset."""
        return ""

    async def close(self, *, timeout: float | None = None) -> None:
        """Close the connection, without waiting for a server that does not answer."""
        try:
            await super().close(timeout=min(timeout or _CANCEL_SECONDS, _CANCEL_SECONDS))
        except AWAY:
            self.terminate()


async def settle_plans(connection: asyncpg.Connection) -> None:
    """Make the planner use indexes, which every statement has, and turn off JIT compilation.

    Otherwise a table that was empty when last analyzed is read whole for as long as the plan is cached, and a plan
    whose cost is overestimated is compiled, which takes longer than running it.
    """
    await connection.execute("SET enable_seqscan = off; SET jit = off")


async def keep_plans(connection: asyncpg.Connection) -> None:
    """Make the planner plan each prepared statement once, for any parameters.

    By default, a statement with a short array is planned at each execution, which takes longer than running it: the
    planner compares the cost for the array at hand with that for one of ten elements, and the former always wins. Not
    for arrays of dozens of elements, whose own plan is worth its time.
    """
    await connection.execute("SET plan_cache_mode = force_generic_plan")


async def confirm_durable(connection: asyncpg.Connection) -> None:
    """Make the commit of this transaction wait until what it has read is durable, even if it wrote nothing.

    A commit that wrote nothing waits for no standby. What it read may come from a commit that was cancelled while it
    waited for the standby: that exists on this server alone and is lost with it. Every answer "done" that relies on a
    read needs this.
    """
    if await connection.fetchval(sql("confirm_durable")):
        raise asyncpg.ReadOnlySQLTransactionError("the server accepts no writes")


class Database:
    """A pool whose connection failures are DatabaseUnavailable. It opens on first use; the server may be down."""

    def __init__(
        self,
        url: str,
        *,
        max_size: int = 10,
        pooler: bool = False,
        statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
        block_timeout_seconds: float | None = None,
        generic_plans: bool = False,
    ) -> None:
        """Prepare the pool, without connecting.

        `pooler`: the URL leads to a transaction pooler, which supports no prepared statements.
        `block_timeout_seconds`: how long one block may hold a connection before the connection is cut.
        `generic_plans`: plan each statement once per connection; see `keep_plans`.
        """
        self._generic_plans = generic_plans
        self._statement_timeout_seconds = statement_timeout_seconds
        self._block_timeout_seconds = block_timeout_seconds
        self._url = url
        self._pooler = pooler
        self._max_size = max_size
        self._pool: asyncpg.Pool | None = None
        self._several_hosts = False
        self._opening = asyncio.Lock()
        self._expired_at = 0.0
        self._announcements = Announcements(self._notify)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Borrow a connection from the pool.

        Raise DatabaseUnavailable if the server goes away at any point of the block, if a commit in it was not
        replicated as the server is configured to, or if the block takes longer than its caller may wait.
        """
        with unavailable_when_away():
            pool = await self._open()
            connection = await pool.acquire(timeout=at_most(ACQUIRE_TIMEOUT_SECONDS))
            watch = _Watch(connection, self._block_end())
            try:
                with replicated(connection):
                    await cast("_Connection", connection).renew_plans()
                    yield connection  # type: ignore[misc]  # the pool's proxy acts as a connection
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
                with suppress(*AWAY):  # then it is closed, and the pool opens another
                    await pool.release(connection, timeout=_CANCEL_SECONDS)

    @asynccontextmanager
    async def transaction(self, *, confirm: bool = True) -> AsyncIterator[asyncpg.Connection]:
        """Open a transaction around the block: commit at its end, roll back on any error.

        `confirm`: the block's result counts as done, so even if it wrote nothing, its commit waits until what it read
        is durable. Pass False only if the result promises nothing to anybody, or if the block always writes.
        """
        async with self.connection() as connection, connection.transaction():
            try:
                yield connection
                if confirm:
                    await confirm_durable(connection)
            except (TimeoutError, asyncio.CancelledError):
                # The rollback waits until the server has cancelled the statement; a frozen server never does.
                asyncio.get_running_loop().call_later(_CANCEL_SECONDS, _terminate, connection)
                raise

    async def run(
        self, work: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(connection, *args, **kwargs)` in a transaction and return its result once it is durable.

        Repeat it if another transaction won a race against it, or another host took over.
        """
        return await self._run(self.transaction, lambda connection: work(connection, *args, **kwargs))

    async def run_unconfirmed(
        self, work: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` as `run` does, but do not wait until what it merely read is durable; see `transaction`."""
        return await self._run(
            lambda: self.transaction(confirm=False), lambda connection: work(connection, *args, **kwargs)
        )

    async def run_statement(
        self, work: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work`, which executes a single statement, as `run_unconfirmed` does.

        The server commits a statement on its own at its end, which spares the round trips of BEGIN and COMMIT.
        """
        return await self._run(self.connection, lambda connection: work(connection, *args, **kwargs))

    async def _run(
        self,
        opened: Callable[[], AbstractAsyncContextManager[asyncpg.Connection]],
        work: Callable[[asyncpg.Connection], Awaitable[T]],
    ) -> T:
        for _ in range(_MOST_RACES):
            try:
                async with opened() as connection:
                    return await work(connection)
            except LOST_RACES:
                continue
            except DatabaseUnavailable as error:
                if not (self._several_hosts and isinstance(error.__cause__, asyncpg.ReadOnlySQLTransactionError)):
                    raise
        async with opened() as connection:
            return await work(connection)

    def announce(self, channel: str) -> None:
        """Notify a channel soon, once for all who ask meanwhile; see Announcements. Call it after the commit."""
        self._announcements.soon(channel)

    async def _notify(self, channel: str) -> None:
        async with self.connection() as connection:
            await connection.execute(sql("notify"), channel)

    async def close(self) -> None:
        """Wait briefly for borrowed connections, then close all connections."""
        await self._announcements.close()
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except AWAY:
                pool.terminate()

    def usage(self) -> tuple[int, int]:
        """Return the numbers of open and of idle connections."""
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
                        init=self._settle,
                    )
        return self._pool

    async def _settle(self, connection: asyncpg.Connection) -> None:
        await settle_plans(connection)
        if self._generic_plans:
            await keep_plans(connection)
        # Have the server end a statement whose connection was cut. Some platforms do not support this.
        with suppress(asyncpg.InvalidParameterValueError):
            await connection.execute(f"SET client_connection_check_interval = '{_CANCEL_SECONDS:g}s'")

    async def _expire(self, pool: asyncpg.Pool) -> None:
        """Replace every connection before its next use: the server may have moved to another host."""
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
    """A timer that cuts a borrowed connection, so that waiting statements fail at once. `cut`: whether it did."""

    def __init__(self, connection: Any, end: float | None) -> None:
        self.cut = False
        self._connection = connection
        self._timer = None if end is None else asyncio.get_running_loop().call_at(end, self._cut)

    def end(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self) -> None:
        self.cut = True
        _terminate(self._connection)


def _terminate(connection: Any) -> None:
    with suppress(asyncpg.InterfaceError):  # it was returned meanwhile
        connection.terminate()


def turned_read_only(connection: Any) -> bool:
    """Return whether the server has reported that it accepts no writes: a standby, or a demoted primary."""
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
    warning. The warning is recognized by the server's function name, which does not depend on the language.
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
    """Raise DatabaseUnavailable if the block fails because the server is away, ConfigurationError for a bad URL."""
    try:
        yield
    except asyncpg.exceptions.ClientConfigurationError as error:
        raise ConfigurationError(WRONG_URL) from error
    except AWAY as error:
        if isinstance(error, ValueError):  # InterfaceError is also raised for an argument that cannot be encoded
            raise
        how = "refuses" if isinstance(error, _REFUSALS) else "does not answer"
        raise DatabaseUnavailable(f"the database {how}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """Describe the error in one line, without the database's address or password."""
    if isinstance(error, socket.gaierror):
        return "its host name is not known"
    if isinstance(error, ssl.SSLError):  # its numbers are not the system's error numbers
        return f"TLS failed: {getattr(error, 'reason', None) or type(error).__name__}"
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else type(error).__name__
    return str(error) or type(error).__name__
