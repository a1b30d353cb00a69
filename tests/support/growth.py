"""Measure how the time of a call grows with its input, as a ratio of CPU times: a busy machine does not change that."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable

SMALL, LARGE = 8_000, 64_000
# A linear call takes 8 times as long for 8 times the input, a quadratic one 64 times.
MOST_GROWTH = 24.0
# Below this, growth is noise and harms nobody: an event loop serves others every 50 ms at least.
FREE_SECONDS = 0.005
MOST_SECONDS = 0.15  # 50 ms on the machines of most runs; a slow one took 89
# A fault is measured again: a virtual machine's processor may be slow for a while.
_LOOKS = 3


def seconds_of(call: Callable[[], object], runs: int = 3) -> float:
    """Return the least CPU time of several runs; a call may raise."""
    best = float("inf")
    for _ in range(runs):
        started = time.thread_time()
        with contextlib.suppress(Exception):  # a refusal must be as quick as any answer
            call()
        best = min(best, time.thread_time() - started)
        if best > 20 * MOST_SECONDS:
            break
    return best


def growth_fault(make: Callable[[int], Callable[[], object]]) -> str | None:
    """Return what is wrong with how `make(length)()` grows, or None."""
    for _ in range(_LOOKS):
        large = seconds_of(make(LARGE))
        fault = None if large <= FREE_SECONDS else _fault(seconds_of(make(SMALL)), large)
        if fault is None:
            return None
    return fault


async def growth_fault_of(send: Callable[[int], Awaitable[object]]) -> str | None:
    """Return what is wrong with how the answer to `send(length)` grows, or None: this thread's time, ours included."""
    for _ in range(_LOOKS):
        large = await _seconds_to_answer(send, LARGE)
        fault = None if large <= FREE_SECONDS else _fault(await _seconds_to_answer(send, SMALL), large)
        if fault is None:
            return None
    return fault


async def _seconds_to_answer(send: Callable[[int], Awaitable[object]], length: int, runs: int = 3) -> float:
    best = float("inf")
    for _ in range(runs):
        started = time.thread_time()
        await send(length)
        best = min(best, time.thread_time() - started)
    return best


def _fault(small: float, large: float) -> str | None:
    if large > MOST_GROWTH * max(small, FREE_SECONDS / MOST_GROWTH):
        return f"{SMALL:,} characters take {small * 1000:.1f} ms, {LARGE:,} take {large * 1000:.1f} ms"
    if large > MOST_SECONDS:
        return f"{LARGE:,} characters hold the event loop for {large * 1000:.1f} ms"
    return None
