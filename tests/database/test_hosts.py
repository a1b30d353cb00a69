"""Several hosts in DATABASE_URL: a silent host does not hide the next, and the one that accepts writes is used."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.commands.running import with_database
from checkout_daemon.database.hosts import HOST_SECONDS, connect, hosts_of
from checkout_daemon.database.listening import listening
from checkout_daemon.database.migrations import migrate
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import ConfigurationError, DatabaseUnavailable
from checkout_daemon.ledger.order_states import CHANNEL
from checkout_daemon.ledger.watching import ConnectionChange, Lost, Regained, follow_changes
from tests.support.replication import Server, primary_and_standby
from tests.support.waiting import until

WRITE = "INSERT INTO alerts (kind, subject) VALUES ('k', gen_random_uuid()::text)"


@pytest.fixture
def silent() -> Iterator[str]:
    """Yield the address of a host that accepts connections and never answers, like a frozen server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
async def servers(state_dir: Path) -> AsyncIterator[tuple[Server, Server]]:
    async with primary_and_standby(state_dir) as servers:
        yield servers


def both(first: str, second: str) -> str:
    return f"postgresql://checkout@{first},{second}/checkout"


def behind(address: str, url: str) -> str:
    """Return the URL with another host before its own."""
    user, _, own = urlsplit(url).netloc.rpartition("@")
    return url.replace(f"{user}@{own}", f"{user}@{address},{own}")


async def write(database: Database) -> str:
    """Write through the pool, and return the port of the server."""
    async with database.transaction() as connection:
        return await write_on(connection)


async def write_on(connection: asyncpg.Connection) -> str:
    await connection.execute(WRITE)
    return str(await connection.fetchval("SELECT current_setting('port')"))


async def test_a_silent_first_host_does_not_hide_the_next(silent: str, database_url: str) -> None:
    url = behind(silent, database_url)
    database = Database(url, max_size=2)
    async with asyncio.timeout(HOST_SECONDS):  # less than waiting for the silent host would take
        await migrate(url)
        await write(database)
        async with listening(url, CHANNEL) as (connection, _):
            assert await connection.fetchval("SELECT 1") == 1
    await database.close()


def test_commands_take_several_hosts_in_both_forms(
    silent: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(database_url)
    ports = f"{silent.rpartition(':')[2]},{parts.port}"
    query = f"postgresql://{parts.username}:{parts.password}@{parts.path}?host=127.0.0.1,127.0.0.1&port={ports}"

    async def ask(database: Database, _: object) -> int:
        async with database.connection() as connection:
            answer: int = await connection.fetchval("SELECT 1")
            return answer

    for url in (behind(silent, database_url), query):
        monkeypatch.setenv("DATABASE_URL", url)
        assert with_database(ask) == 1
        assert with_database(ask, direct=True) == 1


async def test_if_all_hosts_are_silent_the_connection_fails(silent: str) -> None:
    with pytest.raises(TimeoutError):
        await connect(both(silent, silent), timeout=0.2)


async def test_the_host_that_accepts_writes_is_used(servers: tuple[Server, Server]) -> None:
    primary, standby = servers
    for url in (both(primary.address, standby.address), both(standby.address, primary.address)):
        database = Database(url)
        assert await write(database) == str(primary.port)
        await database.close()
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await connect(both(standby.address, standby.address))


@pytest.mark.parametrize("fault", ["frozen", "read-only"])
async def test_a_pool_moves_to_the_promoted_standby(
    servers: tuple[Server, Server], fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    primary, standby = servers
    database = Database(both(primary.address, standby.address), statement_timeout_seconds=1, block_timeout_seconds=3)
    await asyncio.gather(*(write(database) for _ in range(8)))  # several connections
    if fault == "frozen":
        primary.freeze()
    else:
        await primary.run("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        await primary.until("SELECT current_setting('default_transaction_read_only') = 'on'")
    await standby.promote()
    if fault == "read-only":  # noticed before any statement fails
        assert await database.run(write_on) == str(standby.port)
    else:
        with pytest.raises(DatabaseUnavailable):
            await write(database)
    with caplog.at_level(logging.INFO):
        assert await write(database) == str(standby.port)
        written = await asyncio.gather(*(write(database) for _ in range(8)))
    assert set(written) == {str(standby.port)}
    assert not [record for record in caplog.records if record.exc_info]
    await database.close()


async def test_a_reader_leaves_a_server_that_was_demoted(servers: tuple[Server, Server]) -> None:
    primary, standby = servers
    troubles: list[ConnectionChange] = []
    ready = asyncio.Event()

    async def follow() -> None:
        url = both(primary.address, standby.address)
        changes = follow_changes(url, on_trouble=troubles.append, on_ready=ready.set, poll_seconds=0.05)
        async with aclosing(changes):
            async for _ in changes:
                pass

    following = asyncio.create_task(follow())
    async with asyncio.timeout(60):
        await ready.wait()
        await primary.run("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        await standby.promote()
        await until(lambda: any(isinstance(change, Regained) for change in troubles))
    assert isinstance(troubles[0], Lost)
    assert await standby.value("SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%LISTEN%'") is True
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u:p@h1:5433,h2/db", [("h1", 5433), ("h2", 5432)]),
        ("postgresql://u@/db?host=h1,h2&port=1,2", [("h1", 1), ("h2", 2)]),
        ("postgresql:///db?host=h1,h2", [("h1", 5432), ("h2", 5432)]),
        ("postgres://[::1]:5433,h2:5434/db", [("::1", 5433), ("h2", 5434)]),
        ("postgresql://u@%2Frun%2Fpg,h2/db", [("/run/pg", 5432), ("h2", 5432)]),
        ("postgresql:///db", []),
    ],
)
def test_hosts_are_read_in_every_form(url: str, hosts: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPORT", raising=False)
    assert hosts_of(url) == hosts


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h/db",
        "postgresql://u:s3cret@h1:0/db",
        "postgresql://u:s3cret@h1:x,h2/db",
        "postgresql://u:s3cret@h1:99999/db",
        "postgresql://u:s3cret@[bad/db",
        "postgresql://u:s3cret@h1,,h2/db",
        "postgresql://u:s3cret@/db?host=h1,h2&port=1,2,3",
    ],
)
async def test_a_malformed_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as refusal:
        await connect(url)
    assert "s3cret" not in str(refusal.value)


LIBPQ = "channel_binding=require&connect_timeout=10&keepalives=1&tcp_user_timeout=1000&gssencmode=disable"


@pytest.mark.parametrize("query", [LIBPQ, f"sslmode=prefer&{LIBPQ}&application_name=shop", ""])
async def test_parameters_for_other_clients_are_ignored(database_url: str, query: str) -> None:
    connection = await connect(f"{database_url}?{query}")
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("pgbouncer=true", "pgbouncer"),
        ("statement_timeout=s3cret", "statement_timeout"),
        ("max_connections=5", "max_connections"),
        ("options=-cs3cret", "PostgresSyntaxError"),
    ],
)
async def test_a_parameter_that_the_server_refuses_is_named_without_its_value(
    database_url: str, query: str, named: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        await connect(f"{database_url}?{query}")
    assert named in refusal.value.detail
    assert "s3cret" not in refusal.value.detail


async def test_a_database_that_is_closed_to_connections_is_away(database_url: str) -> None:
    server, _, name = database_url.rpartition("/")
    admin = await asyncpg.connect(f"{server}/postgres")
    database = Database(database_url)
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        with pytest.raises(DatabaseUnavailable):
            async with database.connection():
                pass
    finally:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await database.close()
        await admin.close()
