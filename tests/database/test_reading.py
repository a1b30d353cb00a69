"""Lists are read from the standby: not stale for who has changed something, and from the primary if it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.database.reading import Reads
from checkout_daemon.errors import DatabaseUnavailable
from tests.support.replication import Server, primary_and_standby
from tests.support.waiting import until

WRITE = "INSERT INTO alerts (kind, subject) VALUES ('k', gen_random_uuid()::text)"


@pytest.fixture
async def servers(state_dir: Path) -> AsyncIterator[tuple[Server, Server]]:
    async with primary_and_standby(state_dir) as servers:
        yield servers


@asynccontextmanager
async def reading(primary: Server, *standbys: Server) -> AsyncIterator[Reads]:
    hosts = ",".join(server.address for server in standbys)
    first = Database(primary.url, max_size=2, block_timeout_seconds=5)
    second = Database(f"postgresql://checkout@{hosts}/checkout", max_size=2, block_timeout_seconds=2, standby=True)
    try:
        yield Reads(first, second)
    finally:
        await first.close()
        await second.close()


async def look(reads: Reads) -> tuple[bool, int]:
    """Return whether a standby was read, and how many alerts it shows."""
    async with reads.connection() as connection:
        (row,) = await connection.fetch("SELECT pg_is_in_recovery(), (SELECT count(*) FROM alerts)")
        return row[0], row[1]


async def test_a_standby_is_read_and_shows_what_was_changed(servers: tuple[Server, Server]) -> None:
    primary, standby = servers
    await primary.run("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
    async with reading(primary, primary, standby) as reads:  # of two hosts, the one that is a standby
        assert await look(reads) == (True, 0)
        assert (reads.behind_seconds, reads.remark) == (0.0, None)
        for number in range(1, 21):
            await primary.run(WRITE)
            await reads.await_changes()
            assert await look(reads) == (True, number)

        await standby.run("SELECT pg_wal_replay_pause()")
        await primary.run(WRITE)
        assert await look(reads) == (True, 20)  # nobody asked for more
        await reads.await_changes()
        assert await look(reads) == (False, 21)
        assert "latest changes" in str(reads.remark)
        await standby.run("SELECT pg_wal_replay_resume()")
        assert await look(reads) == (True, 21)
        assert reads.remark is None


async def test_what_is_changed_during_a_reading_is_awaited_by_the_next(servers: tuple[Server, Server]) -> None:
    primary, standby = servers
    await primary.run("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
    async with reading(primary, standby) as reads:
        assert await look(reads) == (True, 0)
        await standby.run("SELECT pg_wal_replay_pause()")
        standby.freeze()
        under_way = asyncio.create_task(look(reads))
        await primary.run(WRITE)
        await reads.await_changes()
        standby.thaw()
        await under_way
        assert await look(reads) == (False, 1)


async def test_a_standby_that_is_behind_says_so(servers: tuple[Server, Server]) -> None:
    primary, standby = servers
    await primary.run("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
    async with reading(primary, standby) as reads:
        await primary.run(WRITE)
        await reads.await_changes()
        await look(reads)
        await standby.run("SELECT pg_wal_replay_pause()")
        await primary.run(WRITE)

        async def behind() -> bool:
            await look(reads)
            return (reads.behind_seconds or 0) > 1

        await until(behind)
        assert "s behind" in str(reads.remark)


async def test_without_a_standby_the_primary_is_read(servers: tuple[Server, Server]) -> None:
    primary, standby = servers
    await primary.run("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
    async with reading(primary, standby) as reads:
        assert await look(reads) == (True, 0)
        standby.freeze()
        async with asyncio.timeout(20):
            while (await attempt(reads)) is not False:
                pass
        assert "Read from the primary" in str(reads.remark)
        await standby.kill()
    async with reading(primary, standby) as reads:
        assert await look(reads) == (False, 0)
    only = Database(primary.url, max_size=1)
    reads = Reads(only)
    await reads.await_changes()
    assert await look(reads) == (False, 0)
    assert reads.remark is None
    await only.close()


async def attempt(reads: Reads) -> bool | None:
    try:
        return (await look(reads))[0]
    except DatabaseUnavailable:
        return None


async def test_the_standby_is_read_while_the_primary_is_away(servers: tuple[Server, Server]) -> None:
    primary, standby = servers
    async with reading(primary, standby) as reads:
        await primary.kill()
        await reads.await_changes()
        assert await look(reads) == (True, 0)
