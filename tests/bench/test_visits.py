"""What a target loses or does twice is reported; one that keeps everything is measured."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.scenarios.payments import REFUNDED
from bench.support.cluster import execute, running_cluster
from bench.support.events import PAYMENT, Delivery, deliveries, interleaved
from bench.support.load import SLOWEST
from bench.support.rows import Row, faults
from bench.support.targets import GROUP_COMMIT, Target, daemon
from bench.support.visits import Phase, Run, visiting

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARELESS = str(Path(__file__).with_name("careless.py"))
ORDERS = 20
PHASE = Phase("all", connections=4, seconds=30)


@pytest.fixture(scope="module")
async def run() -> AsyncIterator[Run]:
    async with running_cluster() as (cluster, directory):
        yield Run(cluster, directory, rounds=1, seconds=30, daemons=(), orders=0)


def careless(mode: str) -> Target:
    return replace(GROUP_COMMIT, name=mode, command=(sys.executable, CARELESS, mode, "{port}"))


async def measured(run: Run, target: Target, *, twice: int = 0, phase: Phase = PHASE) -> Row:
    """Return the row of a target that got an event for every order, some of them twice."""
    async with visiting(run, "test", 0, target, ORDERS) as visit:
        sent: Sequence[Delivery] = list(deliveries(visit.take(ORDERS)))
        await visit.measure(phase, [*sent, *sent[:twice]])
    return visit.rows[0]


async def test_events_that_a_target_loses_are_reported(run: Run) -> None:
    row = await measured(run, careless("lose"))
    assert row.requests == ORDERS
    assert faults([row]) == [
        "test, all, lose, round 1: orders completed: got 0, want 20",
        "test, all, lose, round 1: orders changed exactly once: got 0, want 20",
        "test, all, lose, round 1: events recorded once: got 0, want 20",
    ]


async def test_events_that_a_target_applies_twice_are_reported(run: Run) -> None:
    row = await measured(run, careless("double"), twice=3)
    assert faults([row]) == ["test, all, double, round 1: orders changed exactly once: got 17, want 20"]


async def test_events_that_are_sent_at_a_rate_are_checked_as_well(run: Run) -> None:
    async with visiting(run, "test", 0, careless("lose"), ORDERS) as visit:
        await visit.send(list(deliveries(visit.take(3))), 2, rate=1000)
        await visit.measure(PHASE, list(deliveries(visit.take(ORDERS - 3))))
    assert "orders completed: got 0, want 20" in visit.rows[0].problems


async def test_answers_other_than_expected_are_reported(run: Run) -> None:
    row = await measured(run, careless("lose"), phase=replace(PHASE, expected="4"))
    assert "20 unexpected answers, such as 'HTTP/1.1 200 OK" in row.problems[0]


async def test_the_group_commit_passes_its_checks(run: Run) -> None:
    row = await measured(run, GROUP_COMMIT, twice=3)
    assert faults([row]) == []
    assert row.requests == ORDERS + 3
    assert len(row.slowest) == SLOWEST


async def test_the_daemon_passes_its_checks_and_shows_its_batches(run: Run) -> None:
    row = await measured(run, daemon(), twice=3)
    assert faults([row]) == []
    assert 1 <= row.batch <= 4
    assert row.resident_mb > 10


async def test_all_events_of_refunded_payments_pass_their_check(run: Run) -> None:
    async with visiting(run, "test", 0, daemon(), ORDERS) as visit:
        events = list(interleaved(visit.take(4), PAYMENT, 4))
        await visit.measure(replace(PHASE, check=REFUNDED), events)
    assert visit.rows[0].requests == 4 * len(PAYMENT)
    assert faults(visit.rows) == []


async def test_what_the_daemon_lost_is_reported(run: Run) -> None:
    async with visiting(run, "test", 0, daemon(), ORDERS) as visit:
        events = list(deliveries(visit.take(ORDERS)))
        await visit.measure(PHASE, events)
        lost = events[0].event_id
        await execute(
            visit.url, f"DELETE FROM stripe_events WHERE id = '{lost}'; DELETE FROM order_changes WHERE note = '{lost}'"
        )
    assert visit.rows[0].problems == (
        "changes to completed, one for each order: got 19, want 20",
        "events applied once: got 19, want 20",
    )


async def test_a_block_that_the_time_cuts_is_sent_to_its_end(run: Run) -> None:
    block = ORDERS // 2
    async with visiting(run, "test", 0, careless("double"), ORDERS) as visit:
        await visit.measure(
            replace(PHASE, connections=1, seconds=0.001, block=block), list(deliveries(visit.take(ORDERS)))
        )
    (sent,) = visit.delivered.values()
    assert len(sent) in (block, 2 * block)
    assert faults(visit.rows) == []
