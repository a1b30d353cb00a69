"""A call that hangs holds up neither the calls of other names nor the end of the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from checkout_daemon.threads import DaemonThreads


async def test_a_call_that_hangs_holds_up_only_its_own_name() -> None:
    threads, release = DaemonThreads(1), threading.Event()
    hanging = asyncio.create_task(threads.run("slow", release.wait))
    behind = asyncio.create_task(threads.run("slow", lambda: "behind"))
    assert await threads.run("quick", lambda: "done") == "done"
    assert not hanging.done()
    assert not behind.done()
    release.set()
    assert (await hanging, await behind) == (True, "behind")


async def test_no_more_calls_of_a_name_run_at_once_than_may() -> None:
    threads, release, barrier = DaemonThreads(2), threading.Event(), threading.Barrier(3)
    running, most = 0, 0
    lock = threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if not release.is_set():
            barrier.wait(30)
            release.wait(30)
        with lock:
            running -= 1

    calls = [asyncio.create_task(threads.run("push", call)) for _ in range(5)]
    await asyncio.to_thread(barrier.wait, 30)  # two of them run
    release.set()
    await asyncio.gather(*calls)
    assert (most, running) == (2, 0)


async def test_what_a_call_raises_is_raised() -> None:
    def call() -> None:
        raise ZeroDivisionError("one of zero")

    threads = DaemonThreads(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="one of zero"):
            await threads.run("push", call)
    assert await threads.run("push", lambda: 1) == 1


@pytest.mark.parametrize("closed", [False, True], ids=["given up", "closed"])
async def test_a_call_that_has_not_begun_never_runs_once_it_is_cancelled(closed: bool) -> None:
    threads, begun, release = DaemonThreads(1), threading.Event(), threading.Event()
    ran: list[str] = []

    def hang() -> None:
        begun.set()
        release.wait(30)

    hanging = asyncio.create_task(threads.run("push", hang))
    await asyncio.to_thread(begun.wait, 30)
    waiting = asyncio.create_task(threads.run("push", lambda: ran.append("waiting")))
    await asyncio.sleep(0)  # it waits for a thread now
    if closed:
        threads.close()
    else:
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    await hanging
    await threads.run("push", lambda: ran.append("last"))
    assert ran == ["last"]


HANGING = """
import asyncio, threading
from checkout_daemon.threads import DaemonThreads

begun = threading.Event()

def hang():
    begun.set()
    threading.Event().wait()

async def main():
    hanging = asyncio.create_task(DaemonThreads(1).run("push", hang))
    await asyncio.to_thread(begun.wait)
    print("it hangs")

asyncio.run(main())
"""


def test_the_process_ends_although_a_call_hangs() -> None:
    ran = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "it hangs\n"
