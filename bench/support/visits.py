"""A visit: a target is started on a fresh database, measured in phases, checked in the database, and stopped."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.support import load
from bench.support.cluster import Cluster
from bench.support.events import Delivery, Order
from bench.support.meter import Meter
from bench.support.processes import Server, fetch, resident_mb
from bench.support.rows import Row
from bench.support.targets import STUB, Target
from checkout_daemon.dev.ports import free_port

COMPLETED = "verify_webhooks.sql"
_BATCH = re.compile(rb"^checkout_webhook_batch_size_(sum|count) (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """What all visits share. `daemons` are this checkout's and, with --against, another one's."""

    cluster: Cluster
    directory: Path
    rounds: int
    seconds: float
    daemons: tuple[Target, ...]
    orders: int  # of the filled database


@dataclass(frozen=True, slots=True)
class Phase:
    """One measurement. With a rate it is an open loop, else a closed one. Without `seconds` all that is given is sent.

    `expected` is the first digit of the answers' status. Deliveries belong together in blocks of `block`: what the time
    did not suffice for is sent afterwards, so that every block is whole. `check` is the statement that verifies them.
    """

    name: str
    connections: int
    seconds: float | None
    rate: float | None = None
    expected: str = "2"
    block: int = 1
    check: str = COMPLETED

    def most(self, target: Target) -> int:
        """Return how many requests to prepare for its time."""
        assert self.seconds is not None
        if self.rate is not None:
            return int(self.rate * self.seconds)
        return int(target.per_second * self.seconds * (1.0 if self.connections > 4 else 0.3))


@dataclass
class Visit:
    """A running target. `orders` wait to be paid: take them from the end."""

    scenario: str
    round: int
    target: Target
    server: Server
    cluster: Cluster
    url: str
    stub: Server | None = None
    orders: list[Order] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    delivered: dict[str, list[Delivery]] = field(default_factory=dict)
    checkouts: int = 0
    _made_up: int = 0

    def take(self, count: int) -> list[Order]:
        """Return orders that no event was sent for. Targets without a database get invented ones."""
        if self.target.store is None:
            numbers = range(self._made_up, self._made_up + count)
            self._made_up += count
            return [Order(str(number), f"cs_test_{number:042d}", 4200, number, "") for number in numbers]
        taken, self.orders = self.orders[-count:], self.orders[:-count]
        return taken

    async def send(
        self,
        deliveries: Sequence[Delivery],
        connections: int = 32,
        check: str = COMPLETED,
        *,
        rate: float | None = None,
    ) -> None:
        """Send everything, unmeasured, as fast as it is answered or at a rate. Raise RuntimeError for a refusal."""
        requests = [item.request for item in deliveries]
        if rate is None:
            result = await load.run(self.server.port, requests, connections)
        else:
            result = await load.run_at(self.server.port, requests, connections, rate)
        if result.refused:
            raise RuntimeError(f"{self.target.name} refused: {result.failure}")
        self._note(check, deliveries)

    async def measure(self, phase: Phase, deliveries: Sequence[Delivery]) -> Row:
        """Send for the phase's time, and keep the row. Raise ValueError if there is nothing to send."""
        if not deliveries:
            raise ValueError(f"{self.scenario}, {phase.name}: no order is left")
        requests = [item.request for item in deliveries]
        batches = await self._batches()
        meter = Meter(self.server, self.cluster if self.target.store else None, self.stub)
        if phase.rate is None:
            result = await load.run(
                self.server.port, requests, phase.connections, seconds=phase.seconds, expected=phase.expected
            )
        else:
            result = await load.run_at(
                self.server.port, requests, phase.connections, phase.rate, expected=phase.expected
            )
        row = Row(
            self.scenario,
            phase.name,
            self.target.name,
            self.round,
            result.per_second,
            p50_ms=result.p50_ms,
            p99_ms=result.p99_ms,
            generator_us=result.cpu_us,
            resident_mb=resident_mb(self.server.process.pid),
            requests=result.requests,
            ran_out=result.ran_out,
            slowest=result.slowest,
            problems=_problems(result),
            **meter.stop(result.requests),
        )
        row = replace(row, batch=_mean(batches, await self._batches()))
        self.rows.append(row)
        whole = -(-result.sent // phase.block) * phase.block
        if rest := deliveries[result.sent : whole]:
            await self.send(rest, phase.connections, phase.check)
        if phase.expected == "2":
            self._note(phase.check, deliveries[: result.sent])
        return row

    def paid(self, check: str, session_ids: Sequence[str]) -> None:
        """Note orders that were paid without a delivery."""
        self.delivered.setdefault(check, []).extend(Delivery(b"", "", session_id) for session_id in session_ids)

    async def check(self) -> list[str]:
        """Return what the database lacks of everything that was answered with 2xx, or has twice."""
        store, problems = self.target.store, []
        if store is not None:
            for name, items in self.delivered.items():
                sessions, events = {item.session_id for item in items}, {item.event_id for item in items} - {""}
                problems += await store.check(self.url, name, list(sessions), list(events))
            if self.checkouts:
                problems += await store.check(self.url, "verify_checkouts.sql", self.checkouts)
        return problems

    def _note(self, check: str, deliveries: Sequence[Delivery]) -> None:
        events = [item for item in deliveries if item.event_id]
        if events:
            self.delivered.setdefault(check, []).extend(events)

    async def _batches(self) -> dict[bytes, float]:
        if not self.target.has_metrics:
            return {}
        found = _BATCH.findall(await fetch(self.server.port, "/metrics"))
        return {name: float(value) for name, value in found}


@asynccontextmanager
async def visiting(
    run: Run, scenario: str, number: int, target: Target, orders: int = 0, *, stub: bool = False
) -> AsyncIterator[Visit]:
    """Start the target on a fresh database with so many unpaid orders."""
    async with AsyncExitStack() as stack:
        url = ""
        if (store := target.store) is not None:
            name = re.sub(r"\W", "_", f"{target.name}_{orders}")
            template = await run.cluster.template(name, lambda made: store.prepare(made, orders))
            url = await stack.enter_async_context(run.cluster.copy(template))
        visit = await stack.enter_async_context(serving(run, scenario, number, target, url, stub=stub))
        if store is not None and orders:
            visit.orders = await store.orders(url, orders)
        yield visit


@asynccontextmanager
async def serving(
    run: Run, scenario: str, number: int, target: Target, url: str, *, stub: bool = False
) -> AsyncIterator[Visit]:
    """Start the target on a prepared database. At the end check the database; faults go into the last row."""
    async with AsyncExitStack() as stack:
        helper = Server(STUB, port=free_port(), log=run.directory / "stub.log") if stub else None
        if helper is not None:
            await stack.enter_async_context(helper)
        server = Server(
            target.command,
            port=free_port(),
            log=run.directory / f"{re.sub(r'[^a-z]', '-', target.name.lower())}.log",
            directory=target.directory,
            environ=target.environment(url, helper.port if helper else 9),
            ready=target.ready,
        )
        await stack.enter_async_context(server)
        visit = Visit(scenario, number, target, server, run.cluster, url, helper)
        yield visit
        if problems := await visit.check():
            visit.rows[-1] = replace(visit.rows[-1], problems=(*visit.rows[-1].problems, *problems))


async def interleave(
    rounds: int, targets: Sequence[Target], visit: Callable[[int, Target], Awaitable[list[Row]]]
) -> list[Row]:
    """Visit every target in every round, each round beginning with the next one, and print the rows to stderr."""
    rows: list[Row] = []
    for number in range(rounds):
        first = number % len(targets)
        for target in (*targets[first:], *targets[:first]):
            for row in await visit(number, target):
                rows.append(row)
                say(row, rounds)
    return rows


def say(row: Row, rounds: int) -> None:
    """Print a row to stderr."""
    more = "  ran out of prepared requests" if row.ran_out else ""
    more += "".join(f"  WRONG: {problem}" for problem in row.problems)
    print(
        f"{row.scenario} {row.round + 1}/{rounds} {row.phase:16} {row.target:13} {row.per_second:8.1f}/s"
        f" p50 {row.p50_ms:7.2f} p99 {row.p99_ms:7.2f} ms, {row.server_us:6.0f} + {row.postgres_us:5.0f} us,"
        f" foreign {row.foreign_cores:.2f} cores{more}",
        file=sys.stderr,
        flush=True,
    )


def _problems(result: load.Result) -> tuple[str, ...]:
    problems = []
    if result.refused:
        problems.append(f"{result.refused} unexpected answers, such as {result.failure!r}")
    if result.reconnections:
        problems.append(f"{result.reconnections} connections broke, and what was sent over them was sent again")
    return tuple(problems)


def _mean(before: dict[bytes, float], after: dict[bytes, float]) -> float:
    """Return the mean batch between two readings of the metrics, or 0 if there was none."""
    batches = after.get(b"count", 0.0) - before.get(b"count", 0.0)
    return (after.get(b"sum", 0.0) - before.get(b"sum", 0.0)) / batches if batches else 0.0
