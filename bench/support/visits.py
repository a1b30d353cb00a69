"""A visit: a target is started on a fresh database, measured in phases, checked in the database, and stopped."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.support import load
from bench.support.cluster import Cluster
from bench.support.events import Delivery, Order
from bench.support.processes import Server, busy_seconds, cpu_seconds, get, resident_mb
from bench.support.rows import Row
from bench.support.targets import STUB, Target
from checkout_daemon.dev.ports import free_port

_BATCH = re.compile(rb"^checkout_webhook_batch_size_(sum|count) (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Phase:
    """One measurement. With a rate it is an open loop, else a closed one.

    `expected` is the first digit of the answers' status. Deliveries belong together in blocks of `block`: what the time
    did not suffice for is sent afterwards, so that every block is whole.
    """

    name: str
    connections: int
    seconds: float
    rate: float | None = None
    expected: str = "2"
    block: int = 1

    def most(self, target: Target) -> int:
        """Return how many requests to prepare."""
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
    stub: Server | None
    orders: list[Order]
    rows: list[Row] = field(default_factory=list)
    events: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    checkouts: int = 0

    def take(self, count: int) -> list[Order]:
        """Return orders that no event was sent for. Targets without a database get invented ones."""
        if self.target.store is None:
            number = len(self.sessions)
            return [Order(str(n), f"cs_test_{n:042d}", 4200, n, "") for n in range(number, number + count)]
        taken, self.orders = self.orders[-count:], self.orders[:-count]
        return taken

    async def warm_up(self, deliveries: Sequence[Delivery], connections: int = 32) -> None:
        """Send everything, unmeasured. Raise RuntimeError if something is refused."""
        result = await load.run(self.server.port, [item.request for item in deliveries], connections)
        if result.refused:
            raise RuntimeError(f"{self.target.name} refused the warm-up: {result.failure}")
        self._note(deliveries)

    async def measure(self, phase: Phase, deliveries: Sequence[Delivery]) -> Row:
        """Send for the phase's time, and keep the row."""
        requests = [item.request for item in deliveries]
        batches = await self._batches()
        meter = Meter(self)
        if phase.rate is None:
            result = await load.run(
                self.server.port, requests, phase.connections, seconds=phase.seconds, expected=phase.expected
            )
        else:
            result = await load.run_at(
                self.server.port, requests, phase.connections, phase.rate, expected=phase.expected
            )
        row = meter.stop(phase, result)
        row = replace(row, batch=_mean(batches, await self._batches()))
        whole = -(-result.sent // phase.block) * phase.block
        if rest := deliveries[result.sent : whole]:
            await load.run(self.server.port, [item.request for item in rest], phase.connections)
        if phase.expected == "2":
            self._note(deliveries[:whole])
        self.rows.append(row)
        return row

    async def check(self, url: str) -> list[str]:
        """Return what the database lacks of everything that was answered with 2xx, or has twice."""
        assert self.target.store is not None
        problems = []
        if self.events:
            given = (list(self.sessions), list(self.events))
            problems += await self.target.store.check(url, "verify_webhooks.sql", *given)
        if self.checkouts:
            problems += await self.target.store.check(url, "verify_checkouts.sql", self.checkouts)
        return problems

    def _note(self, deliveries: Sequence[Delivery]) -> None:
        self.events |= {item.event_id for item in deliveries if item.event_id}
        self.sessions |= {item.session_id for item in deliveries if item.session_id}
        self.checkouts += sum(not item.event_id for item in deliveries)

    async def _batches(self) -> dict[bytes, float]:
        if not self.target.has_metrics:
            return {}
        found = _BATCH.findall(await get(self.server.port, "/metrics"))
        return {name: float(value) for name, value in found}


class Meter:
    """Reads the processor times of everything that takes part, from its creation to `stop`."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._before = self._read()
        self._started = time.monotonic()

    def _read(self) -> dict[str, float]:
        visit = self._visit
        return {
            "busy": busy_seconds(),
            "own": time.process_time(),
            "server": cpu_seconds(visit.server.process.pid),
            "postgres": visit.cluster.cpu_seconds() if visit.target.store else 0.0,
            "stub": cpu_seconds(visit.stub.process.pid) if visit.stub else 0.0,
        }

    def stop(self, phase: Phase, result: load.Result) -> Row:
        """Return the row of a phase."""
        visit, seconds = self._visit, time.monotonic() - self._started
        used = {name: value - self._before[name] for name, value in self._read().items()}
        ours = sum(used.values()) - used["busy"]
        per_request = 1e6 / max(1, result.requests)
        return Row(
            visit.scenario,
            phase.name,
            visit.target.name,
            visit.round,
            result.per_second,
            p50_ms=result.p50_ms,
            p99_ms=result.p99_ms,
            server_us=used["server"] * per_request,
            postgres_us=used["postgres"] * per_request,
            stub_us=used["stub"] * per_request,
            generator_us=result.cpu_us,
            foreign_cores=max(0.0, (used["busy"] - ours) / seconds),
            resident_mb=resident_mb(visit.server.process.pid),
            requests=result.requests,
            ran_out=result.ran_out,
            problems=(f"{result.refused} unexpected answers, such as {result.failure!r}",) if result.refused else (),
        )


@asynccontextmanager
async def visiting(
    cluster: Cluster, directory: Path, scenario: str, number: int, target: Target, orders: int, *, stub: bool = False
) -> AsyncIterator[Visit]:
    """Start the target on a database with so many unpaid orders; check the database at the end."""
    async with AsyncExitStack() as stack:
        url, waiting = "", []
        if (store := target.store) is not None:
            name = re.sub(r"\W", "_", f"{target.name}_{orders}")
            template = await cluster.template(name, lambda made: store.prepare(made, orders))
            url = await stack.enter_async_context(cluster.copy(template))
            waiting = await store.orders(url, orders)
        log = directory / f"{re.sub(r'[^a-z]', '-', target.name.lower())}.log"
        stub_server = await stack.enter_async_context(start(STUB, directory / "stub.log")) if stub else None
        server = Server(
            target.command,
            port=free_port(),
            directory=target.directory,
            environ=target.environment(url, stub_server.port if stub_server else 9),
            log=log,
            ready=target.ready,
        )
        await stack.enter_async_context(server)
        visit = Visit(scenario, number, target, server, cluster, stub_server, waiting)
        yield visit
        if url and (problems := await visit.check(url)):
            visit.rows[-1] = replace(visit.rows[-1], problems=(*visit.rows[-1].problems, *problems))


def start(command: Sequence[str], log: Path) -> Server:
    """Start a helper that needs no settings."""
    return Server(command, port=free_port(), directory=Path("/"), environ={}, log=log, ready="")


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
        f"{row.scenario} {row.round + 1}/{rounds} {row.phase:18} {row.target:14} {row.per_second:8.0f}/s"
        f" p50 {row.p50_ms:7.2f} p99 {row.p99_ms:7.2f} ms, {row.server_us:6.0f} + {row.postgres_us:5.0f} us,"
        f" foreign {row.foreign_cores:.2f} cores{more}",
        file=sys.stderr,
        flush=True,
    )


def _mean(before: dict[bytes, float], after: dict[bytes, float]) -> float:
    """Return the mean batch between two readings of the metrics, or 0 if there was none."""
    batches = after.get(b"count", 0.0) - before.get(b"count", 0.0)
    return (after.get(b"sum", 0.0) - before.get(b"sum", 0.0)) / batches if batches else 0.0
