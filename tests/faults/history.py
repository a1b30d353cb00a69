"""Play random histories against the real programs for some time, and compare every order with Stripe."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.histories import ShopMachine, World
from tests.faults.report import Options, Part, Result
from tests.faults.stack import dump, running_stack

_EXAMPLES_A_ROUND = 8
_MOST_STEPS = 30


def play(options: Options) -> list[Result]:
    """Play rounds of histories, each with a seed of its own, until the time is up or one fails.

    A failing history is made shorter, and kept in the folder: the next run begins with it.
    """
    world = World(running_stack(options.directory, options.seed, clocks=True))
    failures: list[str] = []
    begun = time.monotonic()
    with world.running():
        number = options.seed * 10_000
        while not failures and time.monotonic() - begun < options.seconds:
            number += 1
            failures = _play_round(number, options.folder / "examples")
            seconds = round(time.monotonic() - begun)
            sys.stdout.write(dump({"seconds": seconds, "seed": number, **dict(sorted(world.counts.items()))}) + "\n")
            sys.stdout.flush()
        last = world.compared()
        counts = {
            **dict(sorted(world.counts.items())), "starts of the daemon": world.stack.starts,
            "late effects": world.stack.network.happened, "acknowledged": len(world.stack.acknowledged()),
        }  # fmt: skip
    return [
        Result("each history ends as Stripe has it, and its facts only grow", counts, tuple(failures)),
        Result("all orders together are as Stripe has them", {}, tuple(last)),
    ]


def _play_round(number: int, examples: Path) -> list[str]:
    chosen = settings(
        max_examples=_EXAMPLES_A_ROUND, stateful_step_count=_MOST_STEPS, deadline=None, print_blob=True,
        database=DirectoryBasedExampleDatabase(examples), phases=(Phase.reuse, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(number)(ShopMachine), settings=chosen)
    except Exception as error:  # noqa: BLE001 - an assertion, or Hypothesis's report that a failure was not repeated
        traceback.print_exception(error)
        return [f"seed {number}", *_told(error)]
    return []


def _told(error: BaseException) -> Iterator[str]:
    """Yield what an exception says: its message, the steps that Hypothesis noted, and the exceptions inside it."""
    yield from str(error).splitlines()
    for note in getattr(error, "__notes__", ()):
        yield from note.splitlines()
    for inner in getattr(error, "exceptions", ()):
        yield from _told(inner)


async def run(options: Options) -> list[Result]:
    """Play histories for as long as the options say."""
    return await asyncio.to_thread(play, options)


PART = Part("history", "random histories of shoppers, operators, Stripe, crashes, fail-overs and wrong clocks", run)
