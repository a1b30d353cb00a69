"""`checkout serve --workers`: several processes on one port, restarts and shared metrics."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp

from tests.support.serving import START_SECONDS, Serve, alive, answered_by, broken_package, enough, get, until


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
Supervisor(
    1, work, drain_seconds=0, parent_pipe=None, on_hangup=nothing, on_stop=nothing, on_death=nothing
).run(nothing)
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


FAILING_FORK = """
import errno, os
from checkout_daemon.supervisor import Supervisor

fork, forks = os.fork, 0

def failing():
    global forks
    forks += 1
    if forks == 2:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork()

def work(index, alive):
    print("started", flush=True)
    return 3

os.fork = failing
nothing = lambda *_: None
Supervisor(
    1, work, drain_seconds=0, parent_pipe=None, on_hangup=nothing, on_stop=nothing, on_death=nothing
).run(nothing)
"""


async def test_a_fork_that_fails_is_tried_again() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FAILING_FORK), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            starts = [await process.stdout.readline() for _ in range(3)]
        assert starts == [b"started\n"] * 3
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_a_worker_whose_background_work_fails_is_started_again(
    serve: Serve, tmp_path: Path, database_url: str
) -> None:
    serving = await serve(enough(database_url) | broken_package(tmp_path), "--workers", "2")
    await until(lambda: serving.log().count("died (exit status 1); restarting it") >= 2, START_SECONDS)
    assert "ZeroDivisionError: planted" in serving.log()
    serving.signal(signal.SIGTERM)
    assert await serving.ended() == 0


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
    # Only then it has closed the pipe whose end tells the first that the supervisor is dead.
    await until(lambda: any(folder.glob(f"*_{second}.db")))
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
