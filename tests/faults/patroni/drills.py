"""Lose a part of the cluster, many times, while a shop is in steady use, and count what was acknowledged and lost."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.faults.patroni.nodes import Cluster, Node, running_cluster
from tests.faults.patroni.shop import Shop, running_shop
from tests.faults.report import MissingPackage, Options, Part, Result
from tests.faults.stack import dump
from tests.faults.truth import compare

ROUNDS = 20
_SECONDS_A_ROUND = 30  # of --seconds: the default gives all rounds, a short run a few
STEADY_SECONDS = 2.5
"""How long the shop is in use before and after each fault."""
CUT_SECONDS = 8.0
SETTLE_SECONDS = 240.0
_KINDS = ("checkout", "webhook")
_MEASURED = (*_KINDS, "list")
_BACK_SECONDS = 60.0


@dataclass
class Drill:
    """The rounds of one trial, and what they measured in seconds."""

    cluster: Cluster
    shop: Shop
    gaps: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in _MEASURED})
    after_promotion: list[float] = field(default_factory=list)
    promotion: list[float] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    async def back(self, since: float) -> float:
        """Wait until checkouts and deliveries that began after `since` are answered, and return how long that took."""
        end = time.monotonic() + _BACK_SECONDS
        while True:
            firsts = [self.shop.first_after(kind, since) for kind in _KINDS]
            if None not in firsts:
                return max(first for first in firsts if first is not None) - since
            if time.monotonic() > end:
                self.differences.append(f"not back after {_BACK_SECONDS:.0f} s")
                return _BACK_SECONDS
            await asyncio.sleep(0.05)

    async def promoted(self, lost: Node | None, since: float) -> None:
        """Wait for the promotion and for the shop to be back, and note both times."""
        moment = await self.cluster.promoted(but=lost)
        self.promotion.append(moment - since)
        self.after_promotion.append(await self.back(moment))


Fault = Callable[[Drill], Awaitable[None]]


async def kill_postmaster(drill: Drill) -> None:
    primary, _, _ = await drill.cluster.whole()
    begun = time.monotonic()
    primary.kill_postmaster()
    await drill.promoted(primary, begun)


async def lose_node(drill: Drill) -> None:
    """Lose the primary's machine: it falls silent, and everything on it is gone, etcd included."""
    primary, _, _ = await drill.cluster.whole()
    begun = time.monotonic()
    primary.cut()
    await primary.kill()
    await drill.promoted(primary, begun)
    await drill.cluster.start_node(primary)


async def switch_over(drill: Drill) -> None:
    primary, standby, _ = await drill.cluster.whole()
    await drill.cluster.switch_over(primary, standby)
    await drill.back(time.monotonic())


async def lose_standby(drill: Drill) -> None:
    """Freeze the synchronous standby, so that it is silent and its connections stay open, then lose it."""
    _, standby, _ = await drill.cluster.whole()
    standby.freeze()
    await asyncio.sleep(CUT_SECONDS)
    await drill.back(time.monotonic())
    await standby.kill()
    await drill.back(time.monotonic())
    await drill.cluster.start_node(standby)


async def lose_etcd_leader(drill: Drill) -> None:
    await drill.cluster.whole()
    leader = await drill.cluster.etcd_leader()
    assert leader.etcd is not None
    leader.etcd.kill()
    await leader.etcd.wait()
    leader.etcd = None
    await asyncio.sleep(CUT_SECONDS)
    await drill.cluster.start_etcd(leader)


async def cut_off_daemon(drill: Drill) -> None:
    """Cut the network between the daemon and the primary alone: nothing is promoted."""
    primary, _, _ = await drill.cluster.whole()
    primary.cut("daemon")
    await asyncio.sleep(CUT_SECONDS)
    primary.restore()
    drill.after_promotion.append(await drill.back(time.monotonic()))
    assert (await drill.cluster.whole())[0] is primary


async def cut_off_standbys(drill: Drill) -> None:
    """Cut the network between the primary and both standbys: nothing can be acknowledged."""
    primary, _, _ = await drill.cluster.whole()
    primary.cut("peers")
    await asyncio.sleep(2.0)  # what was under way is answered
    since = time.monotonic()
    await asyncio.sleep(CUT_SECONDS)
    if answered := sum(at >= since for kind in _KINDS for at in drill.shop.answers[kind]):
        drill.differences.append(f"{answered} answers while no standby could confirm")
    primary.restore()
    drill.after_promotion.append(await drill.back(time.monotonic()))


async def isolate_primary(drill: Drill) -> None:
    """Leave the primary with the daemon alone: no standbys, no etcd. It must step down, and another is promoted."""
    primary, _, _ = await drill.cluster.whole()
    begun = time.monotonic()
    primary.cut("peers", "api", *(f"etcd {node.name}" for node in drill.cluster.nodes))
    await drill.promoted(primary, begun)
    primary.restore()


async def lose_unconfirmed(drill: Drill) -> None:
    """Stop both standbys' receivers, cancel what waits for them, deliver again, and lose the primary.

    All within `wal_sender_timeout`: after that, Patroni counts no standby as synchronous and would promote none.
    """
    primary, standby, other = await drill.cluster.whole()
    receivers = [process for node in (standby, other) for process in node.postgres() if _receives(process)]
    assert len(receivers) == 2, receivers
    for receiver in receivers:
        receiver.suspend()
    begun = time.monotonic()
    event_id = f"evt_{uuid.uuid4().hex}"
    first = asyncio.create_task(drill.shop.deliver_once(event_id))
    while not first.done() and time.monotonic() - begun < 2:
        await drill.cluster.cancel_waits(primary)
        await asyncio.sleep(0.05)
    if not await drill.cluster.holds(primary, event_id):
        drill.differences.append(f"{event_id} was not committed on the primary: this round has shown nothing")
    second = asyncio.create_task(drill.shop.deliver_once(event_id))
    await asyncio.sleep(1.5)
    answered = [at for kind in _KINDS for at in drill.shop.answers[kind] if at >= begun + 0.5]
    primary.cut()
    await primary.kill()
    for receiver in receivers:
        receiver.resume()
    if answered or 200 in (await first, await second):
        drill.differences.append(f"{event_id} or one of {len(answered)} others was answered, and no standby had it")
    await drill.promoted(primary, begun)
    if await drill.shop.deliver_once(event_id) != 200:
        drill.differences.append(f"{event_id} was refused after the promotion")
    drill.shop.events.add(event_id)
    await drill.cluster.start_node(primary)


def _receives(process: psutil.Process) -> bool:
    return "walreceiver" in " ".join(process.cmdline())


@dataclass(frozen=True, slots=True)
class Trial:
    """A fault and its goals in seconds: the longest gap in service, and how soon it is back after a promotion."""

    name: str
    promise: str
    fault: Fault
    gap: float | None = None
    after_promotion: float | None = None


TRIALS = (
    Trial("postmaster", "the primary's postmaster is killed", kill_postmaster, after_promotion=5),
    Trial("node", "the primary's machine is lost", lose_node, after_promotion=5),
    Trial("switchover", "another node is made the primary", switch_over, gap=2),
    Trial("standby", "the synchronous standby is lost", lose_standby),
    Trial("etcd", "the leader of etcd is lost", lose_etcd_leader, gap=2),
    Trial("daemon-cut", "the network between daemon and primary is cut", cut_off_daemon, after_promotion=5),
    Trial("standby-cut", "the network between primary and standbys is cut", cut_off_standbys),
    Trial("isolated", "the primary is cut off from all but the daemon", isolate_primary, after_promotion=5),
    Trial("unconfirmed", "an event that no standby has is delivered twice", lose_unconfirmed, after_promotion=5),
)


async def try_out(trial: Trial, options: Options, rounds: int) -> Result:
    """Play the rounds of one trial on a cluster of its own."""
    directory = options.directory / trial.name
    directory.mkdir(mode=0o755)
    async with (
        running_cluster(directory, options.folder) as cluster,
        running_shop(directory, cluster, options.seed) as shop,
    ):
        drill = Drill(cluster, shop)
        workers = shop.stack.workers()
        for played in range(rounds):
            await _play(trial, drill, played)
            if drill.differences or shop.faults:
                break
        drill.differences += shop.faults + await _settled(shop)
        if shop.stack.workers() != workers:
            drill.differences.append("a worker was restarted")
        for name, goal, found in (
            *((f"the longest gap in {kind}s", trial.gap, drill.gaps[kind]) for kind in _KINDS),
            ("back after the promotion", trial.after_promotion, drill.after_promotion),
        ):
            if goal is not None and max(found, default=0) > goal:
                drill.differences.append(f"{name}: {max(found):.1f} s, the goal is {goal} s")
        return Result(trial.promise, _counts(drill, played + 1), tuple(drill.differences))


async def _play(trial: Trial, drill: Drill, played: int) -> None:
    """Play one round: steady use, the fault, steady use, then every node in order and nothing lost."""
    shop = drill.shop
    async with shop.open():
        await asyncio.sleep(STEADY_SECONDS)
        begun = time.monotonic()
        await trial.fault(drill)
        await asyncio.sleep(STEADY_SECONDS)
        ended = time.monotonic()
        await drill.cluster.whole()
    gaps = {kind: shop.longest_gap(kind, begun, ended) for kind in _MEASURED}
    for kind, gap in gaps.items():
        drill.gaps[kind].append(gap)
    drill.differences += await _lost(shop)
    printed = {"trial": trial.name, "round": played + 1, "gaps": {kind: round(gap, 1) for kind, gap in gaps.items()}}
    for name, times in (("promotion", drill.promotion), ("after_promotion", drill.after_promotion)):
        printed |= {name: round(times[-1], 1)} if times else {}
    sys.stdout.write(dump(printed) + "\n")
    sys.stdout.flush()


async def _lost(shop: Shop) -> list[str]:
    """Return what was acknowledged and is not held, and shoppers who have more than one order."""
    events, orders = list(shop.events | shop.stack.acknowledged()), list(shop.orders)
    questions = (
        ("event", "SELECT id FROM unnest($1::text[]) AS id WHERE id NOT IN (SELECT id FROM stripe_events)", events),
        ("order", "SELECT id FROM unnest($1::text[]) AS id WHERE id::uuid NOT IN (SELECT id FROM orders)", orders),
        ("refund", "SELECT id FROM unnest($1::text[]) AS id WHERE id NOT IN (SELECT id FROM refunds)",
         [made for _, made in shop.refunded]),
    )  # fmt: skip
    lost = [
        f"{kind} {row['id']} was acknowledged and is lost"
        for kind, question, ids in questions
        for row in await shop.stack.rows(question, ids)
    ]
    doubled = "SELECT customer_email, count(*) FROM orders GROUP BY 1 HAVING count(*) > 1"
    twice = [f"{row['count']} orders of {row['customer_email']}" for row in await shop.stack.rows(doubled)]
    return lost + twice


async def _settled(shop: Shop) -> list[str]:
    """Wait until Stripe has delivered everything and the daemon's jobs are done, and return what still differs."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        faults = [f"{len(due)} deliveries wait"] if (due := shop.stack.undelivered()) else await compare(shop)
        if not faults or time.monotonic() > end:
            return faults
        await asyncio.sleep(3)


def _counts(drill: Drill, rounds: int) -> dict[str, Any]:
    shop = drill.shop
    counts: dict[str, Any] = {
        "rounds": rounds, "events": len(shop.events | shop.stack.acknowledged()), "orders": len(shop.orders),
        "refunds": len(shop.refunded), "refunds refused": dict(shop.refusals),
        "refused and repeated": shop.refused, "lists": dict(shop.lists),
    }  # fmt: skip
    for name, times in (
        *((f"gap in {kind}s", drill.gaps[kind]) for kind in _MEASURED),
        ("promotion", drill.promotion),
        ("back after it", drill.after_promotion),
    ):
        if times:
            counts[name] = f"{statistics.median(times):.1f} s, longest {max(times):.1f} s"
    return counts


async def run(options: Options, trials: Sequence[Trial] = TRIALS) -> list[Result]:
    """Play every trial as often as the seconds allow, at most twenty times."""
    rounds = max(1, min(ROUNDS, int(options.seconds / _SECONDS_A_ROUND)))
    results = []
    for trial in trials:
        try:
            results.append(await try_out(trial, options, rounds))
        except MissingPackage:
            raise
        except Exception as error:  # noqa: BLE001 - one trial must not end the others
            results.append(Result(trial.promise, differences=(f"did not end: {error!r}",)))
    return results


PART = Part("patroni", "lose nodes of PostgreSQL under Patroni while a shop is in use", run)
