"""The intake's lanes: while one is under way, the other waits for a batch that is worth a commit, but not for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger import intake as lanes
from checkout_daemon.ledger.apply import Applied, ReceivedEvent
from checkout_daemon.ledger.intake import Intake
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order, session_object

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Observed:
    """The sizes of the committed batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, committed: list[tuple[ReceivedEvent, Applied]], seconds: float) -> None:
        self.sizes.append(len(committed))


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture
async def intake(database: Database, observed: Observed) -> AsyncIterator[Intake]:
    intake = Intake(database, lambda: (SECRET,), observe=observed)
    await intake.start()
    yield intake
    await intake.close()


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    other = await asyncpg.connect(database_url)
    yield other
    await other.close()


def send(intake: Intake, count: int) -> list[asyncio.Task[None]]:
    """Deliver events that touch no order."""
    bodies = [event_body("customer.created", {"id": f"cus_{number}"}) for number in range(count)]
    return [asyncio.create_task(deliver(intake, body)) for body in bodies]


async def settle(connection: asyncpg.Connection) -> None:
    """Let everything that can start do so."""
    for _ in range(5):
        await connection.fetchval("SELECT 1")


@asynccontextmanager
async def batch_under_way(
    intake: Intake, connection: asyncpg.Connection, other: asyncpg.Connection, database_url: str
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Hold a batch of ten events back for the block, by the lock on their order."""
    order_id = await insert_order(database_url)
    bodies = [
        event_body(
            "checkout.session.completed", session_object(order_id, "cs_1", "pi_1"), event_id=f"evt_held_{number}"
        )
        for number in range(10)
    ]
    async with asyncio.timeout(10), connection.transaction():
        await connection.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", order_id)
        held = [asyncio.create_task(deliver(intake, body)) for body in bodies]
        while not await other.fetchval(BLOCKED):
            pass  # asking takes a moment
        yield held
    await asyncio.gather(*held)


async def test_the_other_lane_starts_with_its_share_of_the_batch_under_way(
    intake: Intake,
    observed: Observed,
    database_url: str,
    connection: asyncpg.Connection,
    other: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 60.0)
    async with batch_under_way(intake, connection, other, database_url):
        waiting = send(intake, 7)
        await settle(other)
        waiting += send(intake, 1)
        await asyncio.gather(*waiting)
        assert observed.sizes == [8]
    assert observed.sizes == [8, 10]


async def test_what_waits_starts_when_the_batch_under_way_ends(
    intake: Intake,
    observed: Observed,
    database_url: str,
    connection: asyncpg.Connection,
    other: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 60.0)
    async with batch_under_way(intake, connection, other, database_url):
        waiting = send(intake, 3)
        await settle(other)
        assert not observed.sizes
    await asyncio.gather(*waiting)
    assert observed.sizes == [10, 3]


async def test_a_batch_that_hangs_holds_the_others_back_once_and_not_for_long(
    intake: Intake,
    observed: Observed,
    database_url: str,
    connection: asyncpg.Connection,
    other: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 1.0)
    async with batch_under_way(intake, connection, other, database_url):
        started = time.monotonic()
        await asyncio.gather(*send(intake, 1))
        first = time.monotonic() - started
        for _ in range(5):
            await asyncio.gather(*send(intake, 1))
        assert first > 0.9
        assert time.monotonic() - started < 4.0
        assert observed.sizes == [1] * 6


async def test_who_gives_up_while_waiting_is_not_stored(
    intake: Intake,
    observed: Observed,
    database_url: str,
    connection: asyncpg.Connection,
    other: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 60.0)
    async with batch_under_way(intake, connection, other, database_url):
        waiting = send(intake, 5)
        await settle(other)
        for gone in waiting[:4]:
            gone.cancel()
        await settle(other)
    await waiting[4]
    assert observed.sizes == [10, 1]
    assert await connection.fetchval("SELECT count(*) FROM stripe_events WHERE type = 'customer.created'") == 1


async def test_closing_commits_what_waits_for_its_share(
    database: Database,
    observed: Observed,
    database_url: str,
    connection: asyncpg.Connection,
    other: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 60.0)
    intake = Intake(database, lambda: (SECRET,), observe=observed)
    await intake.start()
    async with batch_under_way(intake, connection, other, database_url):
        waiting = send(intake, 3)
        await settle(other)
        closing = asyncio.create_task(intake.close())
        await asyncio.gather(*waiting)
        assert observed.sizes == [3]
    await closing


async def test_a_failed_batch_holds_nobody_back(observed: Observed) -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none")
    intake = Intake(database, lambda: (SECRET,), observe=observed)
    await intake.start()
    async with asyncio.timeout(lanes.PATIENCE_SECONDS * 20):
        for _ in range(40):
            await asyncio.gather(*send(intake, 5), return_exceptions=True)
    await intake.close()
    await database.close()


async def test_thirty_two_senders_share_large_batches(intake: Intake, observed: Observed) -> None:
    async def sender() -> None:
        for _ in range(20):
            await asyncio.gather(*send(intake, 1))

    await asyncio.gather(*(sender() for _ in range(32)))
    assert sum(observed.sizes) == 640
    assert sum(observed.sizes) / len(observed.sizes) >= 10
