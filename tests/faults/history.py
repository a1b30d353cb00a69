"""Run a random history against the real programs and compare every order with Stripe at intervals and at the end.

`python -m tests.faults.history --seconds 1800 --seed 1`. Exit status 1 if anything was lost or doubled, or differs.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.clocks import MissingPackage
from tests.faults.moves import OPERATORS, SHOPPERS, WEATHER, History, Move
from tests.faults.stack import Stack, dump, running_stack
from tests.faults.truth import compare

ROUND_SECONDS = 150.0
SETTLE_SECONDS = 240.0


async def play(stack: Stack, seconds: float, seed: int) -> list[str]:
    """Play rounds until the time is up, and return what differs after one of them."""
    history = History(stack, random.Random(seed))
    begun = time.monotonic()
    faults: list[str] = []
    while not faults and (left := seconds - (time.monotonic() - begun)) > 0:
        end = time.monotonic() + min(ROUND_SECONDS, left)
        async with asyncio.TaskGroup() as group:
            for moves, pause in ((SHOPPERS, 0.3), (SHOPPERS, 0.3), (OPERATORS, 0.8), (WEATHER, 2.0)):
                group.create_task(_repeat(history, moves, pause, end))
        faults = history.faults + await _settled(history)
        _report(history, time.monotonic() - begun, faults)
    return faults


async def _repeat(history: History, moves: Sequence[Move], pause: float, end: float) -> None:
    while time.monotonic() < end:
        await history.random.choice(moves)(history)
        await asyncio.sleep(history.random.uniform(0, 2 * pause))


async def _settled(history: History) -> list[str]:
    """End all trouble, wait until everything is delivered, and return what still differs.

    Only the daemon's own jobs and Stripe's retries fix anything; no command is run.
    """
    stack = history.stack
    stack.network.share = 0.0
    await stack.network.settle()
    await stack.plan_trouble()
    stack.ours.set(stack.world.offset_seconds)
    await stack.ready()
    faults = ["never compared"]
    end = time.monotonic() + SETTLE_SECONDS
    while faults and time.monotonic() < end:
        if due := stack.undelivered():
            await stack.pass_time(max(0.0, due[0] - time.time() - stack.world.offset_seconds) + 1)
        else:
            await stack.pass_time(600)
            await asyncio.sleep(5)
        faults = await compare(history)
    return faults


def _report(history: History, seconds: float, faults: list[str]) -> None:
    stack = history.stack
    summary = {
        "seconds": round(seconds), "orders": len(history.orders), "acknowledged": len(stack.acknowledged()),
        "starts": stack.starts, "late_effects": stack.network.happened, **dict(sorted(history.counts.items())),
    }  # fmt: skip
    sys.stdout.write(dump(summary) + "\n" + "".join(f"FAULT {fault}\n" for fault in faults[:30]))
    sys.stdout.flush()


async def _main(seconds: float, seed: int, directory: Path) -> int:
    async with running_stack(directory, seed) as stack:
        faults = await play(stack, seconds, seed)
    sys.stdout.write(f"{len(faults)} differences; logs are in {directory}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    try:
        sys.exit(asyncio.run(_main(given.seconds, given.seed, Path(tempfile.mkdtemp(prefix="checkout-faults-")))))
    except MissingPackage as error:
        sys.exit(str(error))
