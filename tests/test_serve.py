"""`checkout serve`: refusals, start, workers and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from tests.support.serving import Serving, alive, enough, start, until
from tests.support.stripe_events import SECRET, event_body, signed

Serve = Callable[..., Awaitable[Serving]]
ONE_OR_TWO = pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "two workers"])


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Start `checkout serve`, wait until it listens, and end it after the test."""
    started: list[Serving] = []

    async def begin(environ: dict[str, str], *options: str, pass_fds: tuple[int, ...] = ()) -> Serving:
        serving = await start(tmp_path, environ, *options, pass_fds=pass_fds)
        started.append(serving)
        await serving.listening()
        return serving

    yield begin
    for serving in started:
        await serving.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def refusal(directory: Path, environ: dict[str, str], *options: str) -> tuple[int, list[str]]:
    """Return the exit status and the log lines of a daemon that does not start."""
    serving = await start(directory, environ, *options)
    try:
        status = await serving.ended()
    finally:
        await serving.close()
    return status, serving.log().splitlines()


async def get(http: aiohttp.ClientSession, serving: Serving, path: str) -> tuple[int, str]:
    async with http.get(serving.address + path) as answer:
        return answer.status, await answer.text()


async def deliver(http: aiohttp.ClientSession, serving: Serving, secret: str = SECRET) -> int:
    body = event_body("customer.created", {"id": "cus_1"})
    headers = {"Stripe-Signature": signed(body, secret), "Connection": "close"}
    async with http.post(f"{serving.address}/api/webhook", data=body, headers=headers) as answer:
        return answer.status


# What it refuses ----------------------------------------------------------------------------------------------------


async def test_missing_settings_are_all_reported_in_one_line(tmp_path: Path) -> None:
    status, lines = await refusal(tmp_path, {})
    assert status == 2
    assert len(lines) == 1
    assert [name in lines[0] for name in ("DATABASE_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")] == [True] * 3


async def test_without_webhook_secrets_it_does_not_start(tmp_path: Path, database_url: str) -> None:
    status, lines = await refusal(tmp_path, enough(database_url) | {"STRIPE_WEBHOOK_SECRET": ""})
    assert status == 2
    assert len(lines) == 1
    assert "STRIPE_WEBHOOK_SECRET" in lines[0]


async def test_proxies_that_are_no_networks_are_refused(tmp_path: Path, database_url: str) -> None:
    status, lines = await refusal(tmp_path, enough(database_url) | {"CHECKOUT_TRUSTED_PROXIES": "proxy.internal"})
    assert status == 2
    assert "CHECKOUT_TRUSTED_PROXIES" in lines[0]


async def test_a_misspelled_setting_is_logged_with_the_one_that_was_meant(tmp_path: Path) -> None:
    environ = enough("postgresql://127.0.0.1:9/shop") | {"CHECKOUT_RATE_LIMTI": "5"}
    _, lines = await refusal(tmp_path, environ)
    assert lines[0].endswith(
        "CHECKOUT_RATE_LIMTI in the environment is not a setting: did you mean CHECKOUT_RATE_LIMIT?"
    )


async def test_a_database_that_does_not_answer_is_exit_5(tmp_path: Path) -> None:
    status, lines = await refusal(tmp_path, enough("postgresql://shop:hunter2@127.0.0.1:9/shop"))
    assert status == 5
    assert len(lines) == 1
    assert lines[0].startswith("checkout serve: the database does not answer: Connection refused; start it, or correct")
    assert "hunter2" not in lines[0]


async def test_a_database_that_does_not_exist_is_not_called_silent(tmp_path: Path, database_url: str) -> None:
    parts = urlsplit(database_url)
    status, lines = await refusal(tmp_path, enough(parts._replace(path="/nowhere").geturl()))
    assert status == 5
    assert 'the database refuses: database "nowhere" does not exist; start it, or correct DATABASE_URL' in lines[0]


@pytest.mark.parametrize(("url", "warned"), [("", True), ("http://[::1]:8000", True), ("https://shop.example", False)])
async def test_a_live_key_with_a_public_url_that_nobody_reaches_is_reported(
    tmp_path: Path, url: str, warned: bool
) -> None:
    environ = enough("postgresql://127.0.0.1:9/shop") | {
        "STRIPE_API_KEY": "sk_live_serve0123456789",
        "STRIPE_API_BASE": "",
    }
    _, lines = await refusal(tmp_path, environ | {"CHECKOUT_PUBLIC_URL": url})
    assert any("CHECKOUT_PUBLIC_URL is http://" in line for line in lines) is warned


@pytest.mark.parametrize("url", ["nonsense", "postgresql://shop:hunter2@127.0.0.1:port/shop"])
async def test_a_database_url_that_is_none_is_exit_2(tmp_path: Path, url: str) -> None:
    status, lines = await refusal(tmp_path, enough(url))
    assert status == 2
    assert len(lines) == 1
    assert "DATABASE_URL" in lines[0]
    assert "hunter2" not in lines[0]


async def test_a_schema_of_a_later_release_is_refused_and_left_alone(
    tmp_path: Path, database_url: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("INSERT INTO schema_migrations (version, name, oldest_code) VALUES (9999, 'later', 9999)")
    status, lines = await refusal(tmp_path, enough(database_url))
    assert status == 1
    assert len(lines) == 1
    assert "9999" in lines[0]


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "two workers"])
async def test_a_port_in_use_is_exit_1_also_where_it_is_shared(
    serve: Serve, tmp_path: Path, database_url: str, options: tuple[str, ...]
) -> None:
    serving = await serve(enough(database_url), "--workers", "2")
    status, lines = await refusal(tmp_path, enough(database_url), "--port", str(serving.port), *options)
    assert status == 1
    assert len(lines) == 1
    assert f"port {serving.port}" in lines[0]


# How it starts ------------------------------------------------------------------------------------------------------


async def test_an_empty_database_gets_its_schema(
    serve: Serve, http: aiohttp.ClientSession, database_url: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    serving = await serve(enough(database_url))
    assert await get(http, serving, "/readyz") == (200, '{"status":"ready"}')


async def test_migrations_use_the_direct_url_where_there_is_one(serve: Serve, database_url: str) -> None:
    nowhere = "postgresql://127.0.0.1:9/pooler"
    await serve(enough(nowhere) | {"DATABASE_LISTEN_URL": database_url})


async def test_one_worker_is_one_process(serve: Serve, http: aiohttp.ClientSession, database_url: str) -> None:
    serving = await serve(enough(database_url))
    assert (await get(http, serving, "/readyz"))[0] == 200
    assert serving.workers() == []
    assert "one process" in serving.announced


# Several workers ----------------------------------------------------------------------------------------------------


async def answered_by(http: aiohttp.ClientSession, serving: Serving, processes: int) -> None:
    """Ask over new connections until this many processes have answered: the kernel spreads them."""
    prefixes: set[str] = set()
    async with asyncio.timeout(20):
        while len(prefixes) < processes:
            async with http.get(f"{serving.address}/healthz", headers={"Connection": "close"}) as answer:
                prefixes.add(answer.headers["X-Request-Id"][:10])


async def test_both_workers_serve_and_metrics_tell_of_both(
    serve: Serve, http: aiohttp.ClientSession, database_url: str
) -> None:
    serving = await serve(enough(database_url), "--workers", "2")
    assert len(serving.workers()) == 2
    await answered_by(http, serving, 2)
    before = counted(await get(http, serving, "/metrics"))
    for _ in range(20):
        async with http.get(f"{serving.address}/healthz", headers={"Connection": "close"}) as answer:
            assert answer.status == 200
    assert counted(await get(http, serving, "/metrics")) == before + 20


def counted(metrics: tuple[int, str]) -> float:
    found = re.search(r'^checkout_http_requests_total\{.*route="/healthz".*\} (\S+)$', metrics[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_a_dead_worker_is_started_again(serve: Serve, http: aiohttp.ClientSession, database_url: str) -> None:
    serving = await serve(enough(database_url), "--workers", "2")
    first = serving.workers()
    os.kill(first[0], signal.SIGKILL)
    await until(lambda: len(set(serving.workers()) - {first[0]}) == 2)
    await answered_by(http, serving, 2)
    assert "killed by signal 9" in serving.log()
    serving.signal(signal.SIGTERM)
    assert await serving.ended() == 0


ALWAYS_DYING = """
import sys, time
from checkout_daemon.supervisor import Supervisor

def work(index, alive):
    print(time.monotonic(), flush=True)
    return 3

nothing = lambda *_: None
Supervisor(1, work, parent_pipe=None, on_hangup=nothing, on_stop=nothing, on_death=nothing).run(nothing)
"""


async def test_a_worker_that_always_dies_is_started_less_and_less_often() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ALWAYS_DYING), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            starts = [float(await process.stdout.readline()) for _ in range(5)]
    finally:
        process.terminate()
        assert await process.wait() == 0
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert all(pause >= least for pause, least in zip(pauses, (0.2, 0.4, 0.8, 1.6), strict=True))


async def test_a_killed_parent_takes_its_workers_with_it(serve: Serve, tmp_path: Path, database_url: str) -> None:
    serving = await serve(enough(database_url) | {"TMPDIR": str(tmp_path)}, "--workers", "2")
    assert list(tmp_path.glob("checkout-metrics-*"))
    workers = serving.workers()
    serving.signal(signal.SIGKILL)
    await serving.ended()
    await until(lambda: not any(alive(pid) for pid in workers), 10)
    assert not list(tmp_path.glob("checkout-metrics-*"))


async def test_the_shared_metrics_stay_while_any_worker_lives(serve: Serve, tmp_path: Path, database_url: str) -> None:
    serving = await serve(enough(database_url) | {"TMPDIR": str(tmp_path)}, "--workers", "2")
    (folder,) = tmp_path.glob("checkout-metrics-*")
    first, second = serving.workers()
    os.kill(second, signal.SIGSTOP)
    try:
        serving.signal(signal.SIGKILL)
        await until(lambda: not alive(serving.pid) and not alive(first))  # the other one holds its pipes
        assert folder.is_dir()
    finally:
        os.kill(second, signal.SIGCONT)
    await until(lambda: not alive(second))
    assert not folder.exists()


async def test_what_killed_daemons_left_is_removed_and_what_others_use_is_not(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, database_url: str
) -> None:
    environ = enough(database_url) | {"TMPDIR": str(tmp_path)}
    for name in ("checkout-metrics-old", "checkout-metrics-locked", "checkout-metrics-foreign"):
        (tmp_path / name).mkdir()
    (tmp_path / "checkout-metrics-old" / f"counter_{dead_process()}.db").touch()
    (tmp_path / "checkout-metrics-locked" / "lock").touch()
    (tmp_path / "checkout-metrics-foreign" / f"counter_{os.getpid()}.db").touch()
    for folder in tmp_path.glob("checkout-metrics-*"):
        os.utime(folder, (0, 0))
    other = await serve(environ, "--workers", "2")
    left = {path.name for path in tmp_path.glob("checkout-metrics-*")}
    assert "checkout-metrics-foreign" in left
    assert len(left) == 2
    serving = await serve(environ, "--workers", "2")
    assert len(list(tmp_path.glob("checkout-metrics-*"))) == 3
    for daemon in (other, serving):
        assert (await get(http, daemon, "/metrics"))[0] == 200


def dead_process() -> int:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


# How it ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "number"),
    [((), signal.SIGINT), (("--workers", "2"), signal.SIGTERM)],
    ids=["one process, SIGINT", "two workers, SIGTERM"],
)
async def test_a_signal_ends_it_with_0_and_leaves_no_process(
    serve: Serve, http: aiohttp.ClientSession, database_url: str, options: tuple[str, ...], number: signal.Signals
) -> None:
    serving = await serve(enough(database_url), *options)
    assert (await get(http, serving, "/readyz"))[0] == 200
    workers = serving.workers()
    serving.signal(number)
    assert await serving.ended() == 0
    assert not any(alive(pid) for pid in workers)


@ONE_OR_TWO
async def test_the_end_of_the_parents_pipe_ends_it(serve: Serve, database_url: str, options: tuple[str, ...]) -> None:
    ours, theirs = os.pipe()  # we hold the end that is written to
    ours, theirs = theirs, ours
    serving = await serve(enough(database_url) | {"CHECKOUT_PARENT_PIPE": str(theirs)}, *options, pass_fds=(theirs,))
    os.close(theirs)
    os.close(ours)
    assert await serving.ended() == 0


async def test_a_parents_pipe_that_is_not_open_is_refused(tmp_path: Path, database_url: str) -> None:
    status, lines = await refusal(tmp_path, enough(database_url) | {"CHECKOUT_PARENT_PIPE": "999"})
    assert status == 2
    assert "CHECKOUT_PARENT_PIPE" in lines[-1]


@ONE_OR_TWO
async def test_idle_and_hanging_clients_do_not_keep_it(
    serve: Serve, database_url: str, options: tuple[str, ...]
) -> None:
    serving = await serve(enough(database_url), *options)
    async with connected(serving) as (idle_reader, idle), connected(serving), connected(serving) as (reader, hanging):
        idle.write(b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")
        await idle_reader.readuntil(b"\r\n\r\n")
        head = "POST /api/webhook HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
        hanging.write(head.encode())
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")  # it waits for the body now
        begun = monotonic()
        serving.signal(signal.SIGTERM)
        assert await serving.ended() == 0
        assert monotonic() - begun < 25  # far less than the 75 s of an idle connection; and 0: nothing was given up


@ONE_OR_TWO
async def test_what_is_under_way_is_committed_and_answered_first(
    serve: Serve,
    http: aiohttp.ClientSession,
    database_url: str,
    connection: asyncpg.Connection,
    options: tuple[str, ...],
) -> None:
    serving = await serve(enough(database_url), *options)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE stripe_events IN EXCLUSIVE MODE")
    async with contextlib.AsyncExitStack() as open_connections:
        connections = [await open_connections.enter_async_context(connected(serving)) for _ in range(20)]
        for _, writer in connections:
            writer.write(delivery_request())
        await waits_for_lock(database_url)
        await answered_by(http, serving, 1 + len(options) // 2)  # what came before this was taken before it, too
        serving.signal(signal.SIGTERM)
        await until(lambda: refuses(serving))
        await transaction.commit()
        async with asyncio.timeout(30):
            answers = [await reader.readuntil(b"\r\n\r\n") for reader, _ in connections]
    assert [answer.split()[1] for answer in answers] == [b"200"] * 20
    assert await serving.ended() == 0
    assert await connection.fetchval("SELECT count(*) FROM stripe_events") == 20


def delivery_request() -> bytes:
    body = event_body("customer.created", {"id": "cus_1"})
    lines = ("POST /api/webhook HTTP/1.1", "Host: shop", f"Stripe-Signature: {signed(body)}")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@contextlib.asynccontextmanager
async def connected(serving: Serving) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def waits_for_lock(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(20):
        while not await connection.fetchval(waiting):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    await connection.close()


def refuses(serving: Serving) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", serving.port)) != 0


# Rotating secrets ---------------------------------------------------------------------------------------------------


@ONE_OR_TWO
async def test_a_hangup_reads_the_webhook_secrets_again(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, database_url: str, options: tuple[str, ...]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_old")
    environ = enough(database_url) | {"STRIPE_WEBHOOK_SECRET_FILE": str(secret)}
    del environ["STRIPE_WEBHOOK_SECRET"]
    serving = await serve(environ, *options)
    processes = 1 + len(serving.workers())
    assert await deliver(http, serving, "whsec_old") == 200
    assert await deliver(http, serving, "whsec_new") == 400

    secret.write_text("whsec_new,whsec_old")
    serving.signal(signal.SIGHUP)
    await until(lambda: serving.log().count("were reloaded: there are 2") == processes)
    for worker in serving.workers()[:1]:  # one that is started later knows them too
        os.kill(worker, signal.SIGKILL)
        await until(lambda worker=worker: len(set(serving.workers()) - {worker}) == 2)  # type: ignore[misc]
    assert [await deliver(http, serving, "whsec_new") for _ in range(8)] == [200] * 8
    assert await deliver(http, serving, "whsec_old") == 200

    secret.write_text("nonsense")
    serving.signal(signal.SIGHUP)
    await until(lambda: serving.log().count("the old ones stay") == processes)
    assert await deliver(http, serving, "whsec_new") == 200
