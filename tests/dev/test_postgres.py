"""The embedded PostgreSQL starts anywhere, survives kill -9 and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.dev.cluster import load_record
from checkout_daemon.dev.postgres import EmbeddedPostgres
from checkout_daemon.dev.processes import poll, runs_with
from checkout_daemon.errors import ConfigurationError


@asynccontextmanager
async def running(state_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(state_dir)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def data_of(state_dir: Path) -> Path:
    record = load_record(state_dir)
    assert record is not None
    return Path(record.home) / "data"


def is_running(pid: int, state_dir: Path) -> bool:
    return runs_with(pid, "postgres", str(data_of(state_dir)))


async def test_data_and_url_survive_a_restart(state_dir: Path) -> None:
    async with running(state_dir) as server:
        first_url = server.url()
        await ask(first_url, "CREATE TABLE kept AS SELECT 42 AS answer")

    async with running(state_dir) as server:
        assert server.url() == first_url
        assert await ask(first_url, "SELECT answer FROM kept") == 42


async def test_it_is_durable_uses_utf_8_and_requires_the_password(state_dir: Path) -> None:
    async with running(state_dir) as server:
        assert await ask(server.url(), "SHOW fsync") == "on"
        assert await ask(server.url(), "SHOW synchronous_commit") == "on"
        assert await ask(server.url(), "SHOW server_encoding") == "UTF8"
        assert await ask(server.url(), "SELECT lower('ÄPFEL')") == "äpfel"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://checkout:guess@127.0.0.1:{server.port}/checkout")
    assert stat.S_IMODE((state_dir / "postgres.json").stat().st_mode) == 0o600


async def test_a_server_killed_with_its_backends_at_work_starts_again(state_dir: Path) -> None:
    async with running(state_dir) as server:
        await ask(server.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
        connection = await asyncpg.connect(server.url())
        busy = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await busy

    async with running(state_dir) as server:
        assert await ask(server.url(), "SELECT answer FROM kept") == 42


async def test_a_pid_file_that_names_another_program_does_not_stop_it(state_dir: Path) -> None:
    async with running(state_dir):
        pass
    pid_file = data_of(state_dir) / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{data_of(state_dir)}\n1700000000\n5432\n\n\n\nready\n", encoding="utf-8")
    pid_file.chmod(0o644)

    async with running(state_dir) as server:
        assert await ask(server.url(), "SELECT 1") == 1


async def test_a_server_that_an_earlier_run_left_is_stopped(state_dir: Path) -> None:
    async with running(state_dir) as left:
        assert left.pid is not None
        async with running(state_dir) as server:
            assert await left.wait() == 0
            assert server.pid != left.pid
            assert await ask(server.url(), "SELECT 1") == 1


PROGRAM = """
import asyncio, sys
from pathlib import Path
from checkout_daemon.dev.postgres import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_it_ends_when_the_program_that_started_it_is_killed(state_dir: Path) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(state_dir), stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    pid = int(await asyncio.wait_for(program.stdout.readline(), 60))
    assert is_running(pid, state_dir)

    program.kill()
    await program.communicate()

    assert await poll(lambda: not is_running(pid, state_dir), 15)
    assert not (data_of(state_dir) / "postmaster.pid").exists()  # shut down in order, not killed


async def test_two_servers_in_two_directories_run_at_once(state_dir: Path) -> None:
    async with running(state_dir / "one") as one, running(state_dir / "two") as two:
        await ask(one.url(), "CREATE TABLE mine AS SELECT 1 AS number")
        assert await ask(two.url(), "SELECT to_regclass('mine')") is None


async def test_it_runs_where_only_the_owner_may_enter(state_dir: Path) -> None:
    state_dir.chmod(0o700)  # for root: PostgreSQL runs as a user who cannot get in, so the cluster is elsewhere

    async with running(state_dir) as server:
        assert await ask(server.url(), "SELECT 1") == 1

    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700


async def test_a_deleted_state_directory_takes_its_database_with_it(state_dir: Path) -> None:
    home = state_dir / "deeper"
    home.mkdir(mode=0o700)
    async with running(home) as server:
        await ask(server.url(), "CREATE TABLE old AS SELECT 1 AS number")
    for name in ("postgres.json", "postgres.log"):
        (home / name).unlink()
    if (home / "postgres").exists():
        data_of_ordinary_user = home / "postgres"
        data_of_ordinary_user.rename(state_dir / "gone")

    async with running(home) as server:
        assert await ask(server.url(), "SELECT to_regclass('old')") is None


async def test_a_cluster_whose_state_directory_is_gone_is_discarded_by_the_next_one(state_dir: Path) -> None:
    first, second = state_dir / "first", state_dir / "second"
    first.mkdir(mode=0o700)
    second.mkdir(mode=0o700)
    async with running(first):
        home = data_of(first).parent
    shutil.rmtree(first)

    async with running(second):
        assert not home.exists()


async def test_a_lost_password_is_reported(state_dir: Path) -> None:
    async with running(state_dir):
        pass
    (state_dir / "postgres.json").unlink()

    with pytest.raises(ConfigurationError, match=r"postgres\.json is missing"):
        await EmbeddedPostgres(state_dir).start()


async def test_a_failed_start_reports_the_end_of_the_log(state_dir: Path) -> None:
    server = EmbeddedPostgres(state_dir, settings={"shared_buffers": "nonsense"})

    with pytest.raises(ConfigurationError, match='invalid value for parameter "shared_buffers"'):
        await server.start()

    assert server.pid is None


async def test_a_taken_port_is_replaced_by_another(state_dir: Path) -> None:
    async with running(state_dir) as server:
        port = server.port
    thief = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with thief, running(state_dir) as server:
        assert server.port != port
        assert await ask(server.url(), "SELECT 1") == 1
