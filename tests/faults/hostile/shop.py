"""The daemon that is attacked, and who measures it meanwhile: deliveries in good order, and its memory."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from bench.support.cluster import running_cluster
from bench.support.events import PAYMENT, Delivery, deliveries
from bench.support.load import answer_is_whole
from bench.support.processes import Server, resident_mb
from bench.support.targets import daemon
from checkout_daemon.dev.ports import free_port

PROBER, PROXY = "127.0.200.1", "127.0.201.1"
"""The addresses of who delivers in good order, and of a proxy that the daemon trusts."""
EVERY_SECONDS = 0.04
_PATIENCE_SECONDS = 30.0


@dataclass
class Measured:
    """What happened during an attack: the good deliveries, and the daemon's memory."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    before_mb: float = 0.0
    most_mb: float = 0.0
    attack: dict[str, Any] = field(default_factory=dict)

    @property
    def p99_ms(self) -> int:
        times = sorted(self.seconds)
        return round(1000 * times[int(0.99 * (len(times) - 1))]) if times else 0

    def counts(self) -> dict[str, Any]:
        """Return the figures for the report."""
        return {
            **self.attack,
            "good_deliveries": dict(sorted(self.statuses.items())),
            "good_p99_ms": self.p99_ms,
            "good_max_ms": round(1000 * max(self.seconds, default=0.0)),
            "memory_mb": f"{self.before_mb:.0f} to {self.most_mb:.0f} at most",
        }


@dataclass
class Shop:
    """The daemon, its database, and the orders that wait to be paid."""

    server: Server
    url: str
    directory: Path
    good: Iterator[Delivery]
    acknowledged: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.port

    async def under(self, name: str, **given: Any) -> Measured:
        """Run an attack, and deliver and measure until it ends."""
        measured = Measured(before_mb=self.memory())
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(measured, over))
            group.create_task(self._watch(measured, over))
            try:
                measured.attack = await self.run(name, **given)
            finally:
                over.set()
        return measured

    async def run(self, name: str, **given: Any) -> dict[str, Any]:
        """Run an attack in a process of its own, and return what it counted."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.hostile.attacks", name), stdin=PIPE, stdout=PIPE
        )
        given |= {"port": self.port, "url": self.url}
        counted, _ = await process.communicate(json.dumps(given).encode())
        if process.returncode != 0:
            raise RuntimeError(f"the attack {name} ended with {process.returncode}")
        found: dict[str, Any] = json.loads(counted)
        return found

    def memory(self) -> float:
        """Return the resident memory of the daemon in MB."""
        return resident_mb(self.server.process.pid)

    async def lost(self) -> list[str]:
        """Return the events that were acknowledged and are not stored."""
        connection = await asyncpg.connect(self.url)
        try:
            rows = await connection.fetch(
                "SELECT id FROM unnest($1::text[]) AS given (id)"
                " WHERE NOT EXISTS (SELECT FROM stripe_events WHERE stripe_events.id = given.id)",
                self.acknowledged,
            )
        finally:
            await connection.close()
        return [row["id"] for row in rows]

    async def _deliver(self, measured: Measured, over: asyncio.Event) -> None:
        """Send an event at intervals, whatever became of those before it, each over a connection of its own."""
        due = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            while not over.is_set():
                group.create_task(self._deliver_one(measured, next(self.good)))
                due += EVERY_SECONDS
                await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def _deliver_one(self, measured: Measured, delivery: Delivery) -> None:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                status = await exchange(self.port, delivery.request, PROBER)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
        measured.seconds.append(time.perf_counter() - begun)
        measured.statuses[status] = measured.statuses.get(status, 0) + 1
        if status == "200":
            self.acknowledged.append(delivery.event_id)

    async def _watch(self, measured: Measured, over: asyncio.Event) -> None:
        while not over.is_set():
            measured.most_mb = max(measured.most_mb, self.memory())
            await asyncio.sleep(0.2)


async def exchange(port: int, sent: bytes, address: str) -> str:
    """Send a request from an address, and return the status of its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        writer.write(sent)
        answer = b""
        while not answer_is_whole(answer):
            if not (data := await reader.read(65_536)):
                raise ConnectionResetError("closed without an answer")
            answer += data
        return answer[9:12].decode()
    finally:
        writer.close()


@asynccontextmanager
async def attacked_shop(directory: Path, *, good: int, others: int, **environ: str) -> AsyncIterator[Shop]:
    """Start a daemon with so many orders for good deliveries and for others, and stop it at the end."""
    target = daemon()
    assert target.store is not None
    async with running_cluster() as (cluster, _):
        template = await cluster.template("hostile", partial(target.store.prepare, count=good + others))
        async with cluster.copy(template) as url:
            settings = target.environment(url, 9) | {"CHECKOUT_RATE_LIMIT": "600", "CHECKOUT_TRUSTED_PROXIES": PROXY}
            log = directory / "daemon.log"
            async with Server(
                target.command, port=free_port(), log=log, environ=settings | environ, ready=target.ready
            ) as server:
                yield Shop(server, url, directory, deliveries(await target.store.orders(url, good), PAYMENT))
