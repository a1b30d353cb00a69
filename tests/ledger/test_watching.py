"""A follower gets every change once, whatever happens to the connection and however transactions overlap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.ledger.watching import ConnectionChange, Lost, Regained, follow_changes
from tests.support.orders import NOW, add_change, add_order

NEVER = 3600.0  # no poll happens within a test: changes arrive by NOTIFY


@dataclass(slots=True)
class Followed:
    """The changes that a follower got so far, and what it reported about its connection."""

    changes: list[ChangeLine] = field(default_factory=list)
    troubles: list[ConnectionChange] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Future[None] | None = None

    @property
    def notes(self) -> list[str]:
        return [change.note for change in self.changes]

    async def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self.moved.clear()
                await self.moved.wait()
                if self.ended is not None and self.ended.done():
                    self.ended.result()

    def note(self, trouble: ConnectionChange) -> None:
        self.troubles.append(trouble)
        self.moved.set()


@asynccontextmanager
async def following(
    url: str, *, since: timedelta | None = None, poll_seconds: float = NEVER
) -> AsyncIterator[Followed]:
    """Yield a follower that already listens."""
    followed = Followed()
    ready = asyncio.Event()

    async def follow() -> None:
        changes = follow_changes(
            url,
            since=None if since is None else NOW - since,
            on_trouble=followed.note,
            on_ready=ready.set,
            poll_seconds=poll_seconds,
        )
        async with aclosing(changes) as batches:
            async for batch in batches:
                followed.changes += batch
                followed.moved.set()

    followed.ended = task = asyncio.create_task(follow())
    task.add_done_callback(lambda _: followed.moved.set())
    async with asyncio.timeout(30):
        await ready.wait()
    yield followed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def connect(database_url: str) -> AsyncIterator[Callable[[], object]]:
    opened: list[asyncpg.Connection] = []

    async def connect() -> asyncpg.Connection:
        opened.append(await asyncpg.connect(database_url))
        return opened[-1]

    yield connect
    for connection in opened:
        await connection.close()


@pytest.fixture
async def connection(connect: Callable[[], asyncio.Future[asyncpg.Connection]]) -> asyncpg.Connection:
    return await connect()


async def test_a_change_arrives_by_notification_with_its_order(
    database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection)
    await add_change(connection, order_id, "before")
    async with following(database_url) as followed:
        seq = await add_change(connection, order_id, "after")
        await followed.until(lambda: bool(followed.changes))
    (change,) = followed.changes
    assert (change.seq, change.order_id, change.number, change.note) == (seq, order_id, 1001, "after")
    assert (change.from_status, change.to_status, change.cause, change.actor) == (
        "pending",
        "completed",
        "test",
        "test",
    )


async def test_transactions_that_commit_in_the_reverse_of_their_numbers_are_both_seen_once(
    database_url: str,
    connection: asyncpg.Connection,
    connect: Callable[[], asyncio.Future[asyncpg.Connection]],
) -> None:
    order_id = await add_order(connection)
    early, late = await connect(), await connect()
    async with following(database_url) as followed:
        first, second = early.transaction(), late.transaction()
        await first.start()
        low = await add_change(early, order_id, "early")
        await second.start()
        high = await add_change(late, order_id, "late")
        await second.commit()
        await followed.until(lambda: followed.notes == ["late"])
        await first.commit()
        await followed.until(lambda: len(followed.changes) >= 2)
        await add_change(connection, order_id, "last")
        await followed.until(lambda: "last" in followed.notes)
    assert low < high
    assert followed.notes == ["late", "early", "last"]


async def test_a_transaction_older_than_the_follower_is_seen_when_it_commits(
    database_url: str,
    connection: asyncpg.Connection,
    connect: Callable[[], asyncio.Future[asyncpg.Connection]],
) -> None:
    order_id = await add_order(connection)
    slow = await connect()
    transaction = slow.transaction()
    await transaction.start()
    await add_change(slow, order_id, "slow")
    async with following(database_url) as followed:
        await add_change(connection, order_id, "quick")
        await followed.until(lambda: bool(followed.changes))
        await transaction.commit()
        await followed.until(lambda: len(followed.changes) == 2)
    assert followed.notes == ["quick", "slow"]


async def test_a_change_that_was_rolled_back_is_never_seen(database_url: str, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection)
    async with following(database_url) as followed:
        transaction = connection.transaction()
        await transaction.start()
        await add_change(connection, order_id, "rolled back")
        await transaction.rollback()
        await add_change(connection, order_id, "kept")
        await followed.until(lambda: bool(followed.changes))
    assert followed.notes == ["kept"]


async def test_a_lost_connection_is_reported_and_no_change_meanwhile_is_missed(
    database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection)
    async with following(database_url) as followed:
        await add_change(connection, order_id, "before")
        await followed.until(lambda: bool(followed.changes))
        await terminate_followers(connection)
        await add_change(connection, order_id, "meanwhile")
        await followed.until(lambda: len(followed.changes) == 2)
        await add_change(connection, order_id, "after")
        await followed.until(lambda: len(followed.changes) == 3)
    assert followed.notes == ["before", "meanwhile", "after"]
    assert [type(trouble) for trouble in followed.troubles] == [Lost, Regained]


async def test_a_lost_notification_only_delays(database_url: str, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection)
    async with following(database_url, poll_seconds=0.05) as followed:
        await add_change(connection, order_id, "unsaid", notify=False)
        await followed.until(lambda: bool(followed.changes))
    assert followed.notes == ["unsaid"]


async def test_2000_changes_of_four_writers_are_seen_once_each_while_connections_are_cut(
    database_url: str,
    connection: asyncpg.Connection,
    connect: Callable[[], asyncio.Future[asyncpg.Connection]],
) -> None:
    orders = [await add_order(connection) for _ in range(4)]

    async def write(order_id: str, writer: asyncpg.Connection) -> None:
        """Write 500 changes of one order in transactions of five, every third of which stays open for a while."""
        for start in range(0, 500, 5):
            async with writer.transaction():
                for index in range(start, start + 5):
                    await add_change(writer, order_id, str(index))
                if start % 3 == 0:
                    await asyncio.sleep(0.002)

    async def cut() -> None:
        for _ in range(5):
            seen = len(followed.changes)
            await followed.until(lambda seen=seen: len(followed.changes) >= min(seen + 200, 1900))  # type: ignore[misc]
            await terminate_followers(connection)

    async with following(database_url) as followed:
        writers = [await connect() for _ in orders]
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for order_id, writer in zip(orders, writers, strict=True):
                group.create_task(write(order_id, writer))
            group.create_task(cut())
        await followed.until(lambda: len(followed.changes) >= 2000)
        # One more change: a duplicate would have arrived before it.
        await add_change(connection, orders[0], "last")
        await followed.until(lambda: "last" in followed.notes)

    expected = [str(index) for index in range(500)]
    for order_id in orders:
        assert [change.note for change in followed.changes[:-1] if change.order_id == order_id] == expected
    assert len({change.seq for change in followed.changes}) == len(followed.changes) == 2001
    assert sum(isinstance(trouble, Lost) for trouble in followed.troubles) >= 1


async def test_since_starts_in_the_past_and_continues_with_new_changes(
    database_url: str, connection: asyncpg.Connection
) -> None:
    """Write more past changes than fit on one page."""
    order_id = await add_order(connection)
    await connection.execute(
        "INSERT INTO order_changes (order_id, to_status, cause, actor, note, at)"
        " SELECT $1, 'pending', 'c', 'a', n, $2::timestamptz - n * interval '1 second'"
        " FROM generate_series(1, 12000) AS n",
        order_id,
        NOW,
    )
    async with following(database_url, since=timedelta(seconds=11_000)) as followed:
        await followed.until(lambda: len(followed.changes) >= 11_000)
        await add_change(connection, order_id, "new")
        await followed.until(lambda: "new" in followed.notes)
    assert followed.notes == [*map(str, range(1, 11_001)), "new"]


async def test_a_connection_lost_while_reading_the_past_resumes_there(
    database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection)
    await connection.execute(
        "INSERT INTO order_changes (order_id, to_status, cause, actor, note)"
        " SELECT $1, 'pending', 'c', 'a', n FROM generate_series(1, 12000) AS n",
        order_id,
    )
    changes = follow_changes(database_url, since=NOW - timedelta(hours=1), poll_seconds=NEVER)
    notes: list[str] = []
    async with aclosing(changes) as batches, asyncio.timeout(30):
        async for batch in batches:
            if not notes:
                await terminate_followers(connection)
                await add_change(connection, order_id, "meanwhile")
            notes += [change.note for change in batch]
            if "meanwhile" in notes:
                break
    assert notes == [*map(str, range(1, 12_001)), "meanwhile"]


async def test_without_a_database_the_first_connection_fails() -> None:
    changes = follow_changes("postgresql://nobody:x@127.0.0.1:1/none")
    async with aclosing(changes) as batches:
        with pytest.raises(DatabaseUnavailable):
            await anext(batches)


async def terminate_followers(connection: asyncpg.Connection) -> None:
    """Cut every other connection that listens to the changes."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database() AND query NOT LIKE 'NOTIFY%'"
        " AND (query LIKE 'LISTEN%' OR query LIKE '%order_changes%' OR query LIKE '%pg_current_snapshot%')"
        " AND query NOT LIKE 'INSERT%'"
    )
