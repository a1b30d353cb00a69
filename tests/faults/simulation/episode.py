"""One episode: `python -m tests.faults.simulation.episode --seed N --days N`. Prints what happened as one line of JSON.

The same seed prints the same trace: a hash of every statement, answer and message with its time.
"""

from __future__ import annotations

from tests.faults.simulation import machine  # first: it replaces what the others import

# isort: split
import argparse
import asyncio
import gc
import json
import logging
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from checkout_daemon.database.pool import Database
from tests.faults.moves import History, at_stripe, check_out, pay, redeliver, retry
from tests.faults.simulation.checks import Checks
from tests.faults.simulation.loop import SimulatedLoop
from tests.faults.simulation.moves import WEATHER, buy, calm_down, operate
from tests.faults.simulation.world import World, beginning, running_world, start_database

_DAY = 86_400.0
_SETTLE_DAYS = 5.0
_CALM_AFTER = 600.0
_SHORTEST_LEAP, _LONGEST_LEAP = 1800.0, 12 * 3600.0
_PAUSES = (60.0, 3600.0, 6 * 3600.0, 12 * 3600.0, _DAY, 2 * _DAY, 9 * _DAY)
"""How long a shop is quiet between two busy moments."""
_SHOPPERS = (check_out, buy, buy, buy, pay, retry)


class _Unexpected(logging.Handler):
    """Collects what the programs log with a traceback: failures that nobody expected."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self._world = world
        self.texts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and not self._world.loop.current.dead:
            error = record.exc_info[1]
            self.texts[f"{record.getMessage()}: {error!r}"[:500]] += 1


class Episode:
    """Plays days of a shop, then waits until all is quiet and compares, and so on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.history = History(cast("Any", world), world.random)
        self.checks = Checks(world, self.history)
        self.unexpected = _Unexpected(world)
        self.faults: list[str] = []
        logging.getLogger().addHandler(self.unexpected)

    async def play(self, days: float) -> None:
        """Play until so many days have passed, or something is wrong."""
        end = days * _DAY
        while not self.faults and self.world.loop.time() < end:
            for _ in range(self.random.randrange(2, 7)):
                await self._busy(calm=self.random.random() < 0.5)
                if self.world.loop.time() < end:
                    await self._quiet(self.random.choice(_PAUSES))
            self.faults = self.history.faults + await self._settled()

    async def _quiet(self, seconds: float) -> None:
        """Let time pass in leaps, each to the next moment at which something is due at Stripe, or of some hours."""
        end = self.world.loop.time() + seconds
        while (left := end - self.world.loop.time()) > 1.0:
            due = self.world.stripe_itself.box.storage.next_due()
            until_due = _LONGEST_LEAP if due is None else max(due - self.world.now + 1.0, _SHORTEST_LEAP)
            await self.world.pass_time(min(left, until_due, _LONGEST_LEAP))
            await asyncio.sleep(2.0)

    async def _busy(self, *, calm: bool) -> None:
        """Let shoppers, operators, Stripe and, unless it is calm, trouble act at once for a while."""
        if calm:
            await self.world.pass_time(_CALM_AFTER)
            await asyncio.sleep(2.0)  # what was on its way during the leap took too long, and is sent again
            begun = self.world.loop.time()
        end = self.world.loop.time() + self.random.uniform(3.0, 15.0)
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(self._repeat(lambda: self.random.choice(_SHOPPERS)(self.history), 1.0, end))
            group.create_task(self._repeat(self._act, 1.0, end))
            if not calm:
                group.create_task(self._repeat(lambda: self.random.choice(WEATHER)(self.world, self.history), 3.0, end))
        calm_down(self.world)
        await asyncio.sleep(self.random.uniform(0.0, 8.0))
        if calm:
            self.checks.calm.append((begun, self.world.loop.time()))

    async def _act(self) -> None:
        dice = self.random.random()
        if dice < 0.6:
            await operate(self.world, self.history)
        else:
            await (at_stripe if dice < 0.9 else redeliver)(self.history)

    async def _repeat(self, act: Any, pause: float, end: float) -> None:
        while self.world.loop.time() < end:
            await act()
            await asyncio.sleep(self.random.uniform(0, 2 * pause))

    async def _settled(self) -> list[str]:
        """Let time pass without any trouble until everything is done, and return what still differs."""
        world, loop = self.world, self.world.loop
        calm_down(world)
        end = loop.time() + _SETTLE_DAYS * _DAY
        faults = ["Stripe still sends"]
        while faults and loop.time() < end:
            await self._quiet(_LONGEST_LEAP)
            if world.stripe_itself.column("SELECT count(*) FROM deliveries WHERE state = 'pending'") == [0]:
                faults = self.checks.now()
        process = loop.process("checks")
        faults += await loop.start(process, self._derived())
        loop.kill(process)
        faults += [f"logged {count} times: {text}" for text, count in self.unexpected.texts.items()]
        gc.collect()
        return faults

    async def _derived(self) -> list[str]:
        database = Database(self.world.environ["DATABASE_URL"], max_size=1)
        try:
            return await self.checks.derived(database)
        finally:
            await database.close()

    def report(self) -> dict[str, Any]:
        """Return what happened."""
        world, loop = self.world, self.world.loop
        return {
            "seed": world.seed,
            "days": round(loop.time() / _DAY, 1),
            "trace": loop.trace,
            "orders": len(self.history.orders),
            "events": len(world.stripe_itself.column("SELECT id FROM objects WHERE type = 'event'")),
            "deliveries": world.stripe_itself.column("SELECT count(*) FROM attempts")[0],
            "messages_received": sum(map(len, world.received.times.values())),
            "messages_repeated": sum(len(times) - 1 for times in world.received.times.values()),
            "calm_moments": len(self.checks.calm),
            "daemons": len(world.daemons),
            "statements": world.postgres.statements,
            "lock_waits": world.postgres.lock_waits,
            "sessions": world.postgres.sessions,
            "network": world.network.messages,
            "steps": loop.steps,
            "starts": sum(daemon.starts for daemon in world.daemons),
            "counts": dict(sorted(self.history.counts.items())),
            "faults": self.faults,
        }


async def _play(loop: SimulatedLoop, server: Any, directory: Path, seed: int, days: float) -> dict[str, Any]:
    daemons = random.Random(f"daemons {seed}").choice((1, 2, 2))
    async with running_world(loop, server, seed, directory, daemons) as world:
        episode = Episode(world)
        await episode.play(days)
        return episode.report()


def run(seed: int, days: float, directory: Path, *, trace: bool = False) -> dict[str, Any]:
    """Play an episode in this process."""
    real = asyncio.new_event_loop()
    server = real.run_until_complete(start_database(directory / "database", seed))
    began = machine.real_monotonic()
    try:
        loop = SimulatedLoop(beginning(seed))
        loop.trace_file = (directory / "trace").open("wb") if trace else None
        machine.use(loop, seed)
        asyncio.set_event_loop(loop)
        gc.disable()
        try:
            report = loop.run_until_complete(_play(loop, server, directory, seed, days))
        finally:
            machine.use(None)
            asyncio.set_event_loop(real)
        return report | {"seconds": round(machine.real_monotonic() - began, 1)}
    finally:
        real.run_until_complete(server.stop())
        real.close()


def main(arguments: Sequence[str]) -> int:
    """Play an episode and print the report. The exit code is 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=10.0)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--trace", action="store_true", help="write everything that happens to the directory")
    given = parser.parse_args(arguments)
    directory = given.directory or Path(tempfile.mkdtemp(prefix="checkout-simulation-"))
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    logging.basicConfig(filename=directory / f"episode-{given.seed}.log", level=logging.WARNING)
    report = run(given.seed, given.days, directory, trace=given.trace)
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
    return 1 if report["faults"] else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # the sequence of sets of texts depends on it
        os.execve(sys.executable, [sys.executable, "-m", "tests.faults.simulation.episode", *sys.argv[1:]],
                  {**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    status = main(sys.argv[1:])
    logging.shutdown()
    os._exit(status)  # what belongs to killed processes is not tidied up
