"""Kill or freeze a process at each of its points, let the shop go on, and compare it with one where nothing happened.

What must hold: after a kill, a restart, Stripe's retries and, if need be, the same request or command once more, all is
as without the crash. A frozen process that wakes up after others have taken its work over changes nothing any more.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from checkout_daemon.database.migrations import migrate
from tests.faults.crashes.acts import LEASE_SECONDS, Act, check_out, impatient
from tests.faults.crashes.places import ACT_SECONDS, Place, World, Yard, open_yard
from tests.faults.crashes.scenarios import SCENARIOS, Scenario
from tests.faults.crashes.staffed import left, staffed
from tests.faults.crashes.state import State, differences, without_races
from tests.faults.crashes.worlds import busy, paying, quiet, settle
from tests.faults.report import Options, Part, Result
from tests.support.cluster import Cluster

_WORLDS = {"quiet": quiet, "paying": paying, "busy": busy, "staffed": staffed, "left": left}
_AT_ONCE = 3
MOST_MISSED = 0.1
_CALLS = ("before GET ", "before POST ", "before DELETE ", "before smtp ", "before file ")
_SHOWN = 6
_REPEATED = ("checkout", "retry", "command")


@dataclass(slots=True)
class Tried:
    """What was found in one scenario. `points` are the names of all its points."""

    scenario: Scenario
    points: list[str]
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def calls_out(self) -> bool:
        """Return whether the process asks or tells anybody but the database: it may do so again when it wakes up."""
        return any(point.startswith(_CALLS) for point in self.points)


class Trial:
    """Tries scenarios in a yard; it builds each world once."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._worlds: dict[str, World] = {}

    async def undisturbed(self, scenario: Scenario) -> tuple[Tried, State]:
        """Run the act to its end, and return its points and the state that follows."""
        world = await self._world(scenario)
        async with self._yard.place(world, **scenario.settings) as place:
            running = self._yard.start(place, scenario.act(world.names), None, signal.SIGKILL)
            code = await running.ended()
            log = running.task.log.read_text(encoding="utf-8")
            assert code == scenario.code, f"{scenario.name} ended with {code}: {log}"
            points = running.task.points.read_text(encoding="utf-8").splitlines()
            return Tried(scenario, points), await settle(place)

    async def killed(self, tried: Tried, expected: State, point: int) -> None:
        """Kill the process at a point. Repeat the request or command if the shop does not get there without it."""
        scenario, world = tried.scenario, await self._world(tried.scenario)
        act = scenario.act(world.names)
        async with self._yard.place(world, **scenario.settings) as place:
            running = self._yard.start(place, act, point, signal.SIGKILL)
            if await running.ended() != -signal.SIGKILL:
                tried.counts["ended before"] += 1
                return
            await place.nobody_else()
            answered: set[str] = set()
            if running.task.answered.exists():
                answered = set(running.task.answered.read_text(encoding="ascii").split())
            bodies = [body for number, body in enumerate(act.arguments) if str(number) not in answered]
            found = await settle(place, bodies if act.kind == "intake" else (), first=act.job)
            if act.kind in _REPEATED and found != expected:
                await self._repeat(place, act)
                found = await settle(place)
                tried.counts["repeated"] += 1
            tried.counts["killed"] += 1
            self._compare(tried, expected, found, place, f"killed {tried.points[point]}")

    async def frozen(self, tried: Tried, expected: State, point: int) -> None:
        """Freeze the process for longer than its leases while others take its work over, then let it go on."""
        scenario, world = tried.scenario, await self._world(tried.scenario)
        async with self._yard.place(world, **scenario.settings) as place:
            act = scenario.act(world.names)
            running = self._yard.start(place, act, point, signal.SIGSTOP, short_leases=True)
            if not await running.stopped():
                await running.ended()
                tried.counts["ended before"] += 1
                return
            try:
                await asyncio.sleep(LEASE_SECONDS * 1.2)
                async with asyncio.timeout(ACT_SECONDS):
                    await settle(place, first=act.job, beside_a_frozen_process=True)
                place.box.storage.connection.execute("DELETE FROM idempotency")  # Stripe forgets keys after a day
            finally:
                running.proceed()
                code = await running.ended()
            await place.nobody_else()
            found = await settle(place)
            if act.kind in _REPEATED and code != scenario.code and found != expected:
                # It woke up when the time for its call was over, and ended with an error: who asked for it asks again.
                await self._repeat(place, act)
                found = await settle(place)
                tried.counts["repeated"] += 1
            tried.counts["frozen"] += 1
            self._compare(tried, *without_races(expected, found), place, f"frozen {tried.points[point]}")

    def _compare(self, tried: Tried, expected: State, found: State, place: Place, where: str) -> None:
        if doubled := place.doubled():
            tried.counts["sent again under the same id"] += doubled
        tried.differences += [f"{where}: {line}" for line in differences(expected, found)[:_SHOWN]]

    async def _repeat(self, place: Place, act: Act) -> None:
        if act.kind == "checkout":
            await check_out(place.runtime, *act.arguments)
            return
        running = self._yard.start(place, act, None, signal.SIGKILL)
        await running.ended()
        await place.nobody_else()

    async def _world(self, scenario: Scenario) -> World:
        if scenario.world not in self._worlds:
            self._worlds[scenario.world] = await self._yard.build(scenario.world, _WORLDS[scenario.world])
        return self._worlds[scenario.world]


async def try_scenario(trial: Trial, scenario: Scenario, share: float, dice: random.Random, freeze: bool) -> Tried:
    """Try a share of the points of a scenario, and return what was found."""
    tried, expected = await trial.undisturbed(scenario)
    every = range(len(tried.points))
    chosen = [point for point in every if share >= 1 or dice.random() < share] or [dice.choice(every)]
    queue = [(trial.killed, point) for point in chosen]
    if freeze and tried.calls_out:
        queue += [(trial.frozen, point) for point in chosen]

    async def work() -> None:
        while queue:
            attempt, point = queue.pop(0)
            try:
                await attempt(tried, expected, point)
            except Exception:  # noqa: BLE001 - one point must not end the others
                tried.differences.append(f"{attempt.__name__} {tried.points[point]}: {traceback.format_exc()}")

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return tried


def report(tried: Tried) -> Result:
    """Return what was found. A process that ended before its point was not tried there."""
    counts = {"points": len(tried.points), **sorted_counts(tried.counts)}
    missed = tried.counts["ended before"]
    wrong = [f"{missed} processes ended before their point"] if missed > MOST_MISSED * len(tried.points) else []
    return Result(tried.scenario.name, counts, (*wrong, *tried.differences))


def sorted_counts(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


async def try_all(
    cluster: Cluster, directory: Path, scenarios: Sequence[Scenario], share: float, seed: int, *, freeze: bool
) -> list[Result]:
    results = []
    with impatient():
        async with open_yard(cluster, directory, _AT_ONCE) as yard:
            trial = Trial(yard)
            for scenario in scenarios:
                tried = await try_scenario(trial, scenario, share, random.Random(seed), freeze)
                results.append(report(tried))
                sys.stdout.write(f"{scenario.name}: {results[-1].counts}\n")
                sys.stdout.flush()
    return results


async def run(options: Options) -> list[Result]:
    """Try every point of every scenario."""
    cluster = Cluster(prepare=migrate)
    await asyncio.to_thread(cluster.start)
    try:
        return await try_all(cluster, options.directory, SCENARIOS, 1.0, options.seed, freeze=True)
    finally:
        await asyncio.to_thread(cluster.stop)


PART = Part("crashes", "a process killed or frozen before and after each statement and network call", run)
