"""The connection pool, transactions that are repeated, and when a result counts as durable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import asyncpg

from checkout_daemon.database.announcing import Announcements
from checkout_daemon.database.away import AWAY, unavailable_when_away
from checkout_daemon.database.connection import (
    CANCEL_SECONDS,
    GENERIC_PLANS,
    PLANNER,
    PooledConnection,
    SharedConnection,
    settle,
    use_schema,
)
from checkout_daemon.database.crowding import Crowd
from checkout_daemon.database.hosts import connect, hosts_of
from checkout_daemon.database.poolers import require_session
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.patience import at_most, deadline
from checkout_daemon.urls import schema_of

log = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")

ACQUIRE_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 30.0
MOST_QUERIES = 5_000_000
"""How many queries a connection runs before it is opened anew. asyncpg's 50,000 are soon reached under load, and a new
connection has to make all its plans, again and again in its first seconds."""
# What takes longer to get a connection was a wait.
WAIT_SECONDS = 0.01
# A silent server makes every statement fail; its connections are dropped once for all of them.
_EXPIRE_EVERY_SECONDS = 1.0


class _BehindPooler(Exception):
    """A connection turned out to lead through a pooler."""


class LostRace(Exception):
    """Another transaction won; the same work succeeds when it is repeated."""


LOST_RACES = (
    LostRace,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,  # a migration added a column that a prepared statement selects
)
_MOST_RACES = 4


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
        standby: bool = False,
    ) -> None:
        """Prepare the pool, without connecting.

        `pooler`: the URL leads to a transaction pooler, which supports neither prepared statements nor settings of a
        session. If it is False, the first connection finds that out.
        `block_timeout_seconds`: how long one block may hold a connection before the connection is cut.
        `generic_plans`: use generic plans, remade by `renew_plans`.
        `standby`: of several hosts use one that is a standby, instead of the one that accepts writes.
        """
        self._standby = standby
        schema = schema_of(url)
        self._settings = {
            **PLANNER,
            **(GENERIC_PLANS if generic_plans else {}),
            **({} if schema is None else {"search_path": schema}),
        }
        self._statement_timeout_seconds = statement_timeout_seconds
        self._block_timeout_seconds = block_timeout_seconds
        self._url = url
        self._pooler = pooler
        self._max_size = max_size
        self._pool: asyncpg.Pool | None = None
        self._several_hosts = False
        self._opening = asyncio.Lock()
        self._crowd = Crowd()
        self._expired_at = 0.0
        self._answered_at = 0.0
        self._announcements = Announcements(self._notify)
        self.waits = 0
        """How often somebody waited for a connection, for over WAIT_SECONDS."""
        self.waited_seconds = 0.0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Borrow a connection from the pool.

        Raise DatabaseUnavailable if the server goes away at any point of the block, if a commit in it was not
        replicated as the server is configured to, or if the block takes longer than its caller may wait.
        """
        with unavailable_when_away():
            begun = asyncio.get_running_loop().time()
            pool, connection = await self._acquire()
            if (waited := asyncio.get_running_loop().time() - begun) > WAIT_SECONDS:
                self.waits += 1
                self.waited_seconds += waited
            watch = _Watch(connection, self._block_end())
            try:
                with replicated(connection):
                    await cast("PooledConnection", connection).renew_plans()
                    yield connection  # the pool's proxy acts as a connection
                self._answered_at = asyncio.get_running_loop().time()
            except BaseException as error:
                # A server that has answered others meanwhile is slow. New connections would make it slower.
                silent = (watch.cut or isinstance(error, TimeoutError)) and self._answered_at < begun
                if silent or isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                    await self._expire(pool)
                # Cut between two messages of a statement, asyncpg fails with AttributeError.
                if watch.cut and isinstance(error, (*AWAY, AttributeError)):
                    raise TimeoutError from error
                raise
            finally:
                watch.end()
                if self._several_hosts and turned_read_only(connection):
                    await self._expire(pool)
                with suppress(*AWAY):  # then it is closed, and the pool opens another
                    await pool.release(connection, timeout=CANCEL_SECONDS)
                self._crowd.returned()

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
                asyncio.get_running_loop().call_later(CANCEL_SECONDS, _terminate, connection)
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

    @property
    def pooler(self) -> bool:
        """Return whether connections lead through a transaction pooler, as far as is known."""
        return self._pooler

    def usage(self) -> tuple[int, int]:
        """Return the numbers of open and of idle connections."""
        return (0, 0) if self._pool is None else (self._pool.get_size(), self._pool.get_idle_size())

    async def _acquire(self) -> tuple[asyncpg.Pool, Any]:
        pool = await self._open()

        async def acquire(seconds: float) -> Any:
            return await pool.acquire(timeout=seconds)

        try:
            return pool, await self._crowd.acquire(pool, at_most(ACQUIRE_TIMEOUT_SECONDS), acquire)
        except _BehindPooler:
            if self._pool is pool:  # it has no connection: each was closed at once
                self._pool, self._pooler = None, True
            return await self._acquire()

    async def _open(self) -> asyncpg.Pool:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    several = len(hosts_of(self._url)) > 1
                    self._several_hosts = several and not self._standby
                    wanted = {"target_session_attrs": "standby"} if several and self._standby else {}
                    self._pool = await asyncpg.create_pool(  # type: ignore[call-overload]  # its stub wants `connect` more narrow
                        self._url,
                        min_size=0,  # asyncpg logs a traceback a second for every connection it cannot keep open
                        max_size=self._max_size,
                        max_queries=MOST_QUERIES,
                        connect=connect,
                        command_timeout=self._statement_timeout_seconds,
                        statement_cache_size=0 if self._pooler else 200,
                        connection_class=SharedConnection if self._pooler else PooledConnection,
                        init=self._settle,
                        **wanted,
                    )
        return self._pool

    async def _settle(self, connection: asyncpg.Connection) -> None:
        if type(connection) is SharedConnection:  # asyncpg takes every connection for an instance of every class
            connection.begin_with(self._settings)
        elif not await settle(connection, self._settings):
            raise _BehindPooler

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
    """Open a connection outside the pool, without a statement timeout, for migrations.

    Raise as Database does, and ConfigurationError if a transaction pooler is in between.
    """

    async def opened() -> asyncpg.Connection:
        return await connect(url, command_timeout=None, statement_cache_size=0, connection_class=PooledConnection)

    with unavailable_when_away():
        connection = await opened()
        try:
            await require_session(connection, opened)
            await use_schema(connection, schema_of(url))
            with replicated(connection):
                yield connection
        finally:
            connection.terminate()
