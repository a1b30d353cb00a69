"""Stalls of the event loop are reported, with their cause: our own work, or the machine."""

from __future__ import annotations

import asyncio
import time

import pytest

from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.observability.watchdog import watch_loop


async def stalls_of(block: object) -> list[tuple[str, float]]:
    """Return the stalls seen while `block` was called in the event loop."""
    assert callable(block)
    seen: list[tuple[str, float]] = []
    watching = asyncio.create_task(watch_loop(lambda cause, seconds: seen.append((cause, seconds))))
    await asyncio.sleep(0.03)
    block()
    await asyncio.sleep(0.03)
    watching.cancel()
    return seen


def compute() -> None:
    until = time.thread_time() + 0.15
    while time.thread_time() < until:
        pass


async def test_a_loop_that_computes_for_long_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = await stalls_of(compute)
    assert max(seconds for _, seconds in seen) > 0.1
    # On a machine that is free for us alone, the thread computes all the time that passes.
    monkeypatch.setattr(time, "thread_time", time.perf_counter)
    assert max(await stalls_of(lambda: time.sleep(0.2)), key=lambda stall: stall[1])[0] == "work"


async def test_a_loop_that_is_kept_waiting_is_distinguished_from_one_that_computes() -> None:
    seen = await stalls_of(lambda: time.sleep(0.2))
    assert max(seen, key=lambda stall: stall[1])[0] == "machine"


def test_the_longest_stall_is_kept() -> None:
    metrics = Metrics()
    for seconds in (0.1, 0.7, 0.2):
        metrics.loop_stalled("work", seconds)
    lines = metrics.render().decode().splitlines()
    assert 'checkout_loop_stalls_total{cause="work"} 3.0' in lines
    assert "checkout_loop_longest_stall_seconds 0.7" in lines
