"""Two daemons of two workers each behind nginx, on one database, and everybody who uses them meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from checkout_daemon.dev.ports import free_port
from tests.faults.rolling.nginx import shop_nginx
from tests.faults.weather.restore import Sales, noticed
from tests.faults.weather.world import Answer, World, this_schema, world_without_daemon

DRAIN_SECONDS = 5  # as docs/DEPLOY.md advises
_WORKERS = 2
_START_SECONDS = 120.0
_STOP_SECONDS = 40.0
# Who comes: each asks again a moment after the answer, so that a slow machine has fewer requests, not a queue of them.
_SHOPPERS, _LOOKS, _QUOTES, _DELIVERIES = 2, 2, 1, 2
_MOMENT_SECONDS = 0.1


@dataclass
class Daemon:
    """A daemon on a port of its own. `environ` decides which release runs, and `drains` whether it knows --drain."""

    port: int
    environ: Mapping[str, str]
    directory: Path
    drains: bool = True
    process: Process | None = None

    async def start(self, http: aiohttp.ClientSession) -> None:
        """Start it and wait until it is ready."""
        drain = ("--drain", str(DRAIN_SECONDS)) if self.drains else ()
        log = self.directory / f"daemon-{self.port}.log"
        with log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "checkout_daemon", "serve", "--host", "127.0.0.1"),
                *("--port", str(self.port), "--workers", str(_WORKERS), *drain),
                cwd=self.directory, env=dict(self.environ), stdin=DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        async with asyncio.timeout(_START_SECONDS):
            while not await self._is_ready(http):
                assert self.process.returncode is None, log.read_text()[-2000:]
                await asyncio.sleep(0.1)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        with suppress(aiohttp.ClientError, TimeoutError):
            url = f"http://127.0.0.1:{self.port}/readyz"
            async with http.get(url, timeout=aiohttp.ClientTimeout(3), headers={"Connection": "close"}) as answer:
                return answer.status == 200
        return False

    async def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_STOP_SECONDS):
            status = await self.process.wait()
        assert status == 0, f"the daemon on port {self.port} ended with {status}"

    async def kill(self) -> None:
        """Kill all of its processes at once."""
        if self.process is None or self.process.returncode is not None:
            return
        for process in (*psutil.Process(self.process.pid).children(), psutil.Process(self.process.pid)):
            os.kill(process.pid, signal.SIGKILL)
        await self.process.wait()


@dataclass
class Fleet:
    """The daemons, and `world`, whose address is nginx's. `answers` are (kind of request, status)."""

    world: World
    daemons: list[Daemon]
    sales: Sales
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    held: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[None]:
        """Let shoppers and Stripe come until the block ends, and wait until all are answered."""
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for count, ask in (
                (_SHOPPERS, self.sales.sell), (_LOOKS, self._look), (_QUOTES, self._quote), (_DELIVERIES, self._deliver)
            ):  # fmt: skip
                for _ in range(count):
                    group.create_task(self._repeat(ask, ended))
            try:
                yield
            finally:
                ended.set()

    async def _repeat(self, ask: Callable[[], Awaitable[object]], ended: asyncio.Event) -> None:
        while not ended.is_set():
            await ask()
            await asyncio.sleep(_MOMENT_SECONDS)

    async def _look(self) -> None:
        self._count("products", await self.world.get("/api/products"))

    async def _quote(self) -> None:
        self._count("quotes", await self.world.quote())

    async def _deliver(self) -> None:
        event, answer = await self.world.deliver()
        self._count("webhooks", answer)
        if answer.status == 200:
            self.held.add(event)

    def _count(self, kind: str, answer: Answer) -> None:
        self.answers[kind, answer.status] += 1
        self.slowest[kind] = max(self.slowest[kind], answer.seconds)

    def counts(self) -> dict[str, object]:
        """Return the figures for the report."""
        sent = Counter[str]()
        for (kind, _), count in self.answers.items():
            sent[kind] += count
        slowest = {kind: f"{1000 * seconds:.0f} ms" for kind, seconds in self.slowest.items()}
        slowest["checkouts"] = f"{1000 * self.sales.slowest:.0f} ms"
        return {"checkouts": self.sales.counts["orders"], **sent, "paid": self.sales.counts["paid"],
                "refunded": self.sales.counts["refunded"], "stripes_deliveries": self.world.delivered_by_stripe()[0],
                "slowest": slowest}  # fmt: skip

    async def differences(self) -> list[str]:
        """Return every refused request, every lost event, and every order that is not as at Stripe."""
        wrong = [f"{count} {kind} were answered {status or 'with a broken connection'}"
                 for (kind, status), count in sorted(self.answers.items()) if status != 200]  # fmt: skip
        wrong += [f"{count} checkouts were {answer}" for answer, count in self.sales.counts.items()
                  if answer.startswith("answered")]  # fmt: skip
        wrong += await noticed(self.world, [])
        if repeated := self.world.delivered_by_stripe()[1]:
            wrong.append(f"{repeated} of Stripe's deliveries had to be repeated")
        known = {row["id"] for row in await self.world.rows("SELECT id FROM stripe_events")}
        wrong += [f"event {event} was acknowledged and is not held" for event in self.held - known]
        twice = await self.world.rows("SELECT customer_email, count(*) FROM orders GROUP BY 1 HAVING count(*) > 1")
        return wrong + [f"{row['count']} orders of {row['customer_email']}" for row in twice]


@asynccontextmanager
async def running_fleet(
    directory: Path,
    seed: int,
    *,
    repeat_posts: bool,
    release: Mapping[str, str] | None = None,
    prepare: Callable[[str], Awaitable[None]] = this_schema,
) -> AsyncIterator[Fleet]:
    """Start PostgreSQL, the offline Stripe, two daemons and nginx, and stop them at the end.

    `release` has the variables with which another release runs, and `prepare` makes its schema. For `repeat_posts` see
    shop_nginx.
    """
    async with world_without_daemon(directory, prepare=prepare) as world:
        world.environ |= {"CHECKOUT_TRUSTED_PROXIES": "127.0.0.1"}
        drains = release is None
        environ = {**world.environ, **(release or {})}
        daemons = [Daemon(free_port(), environ, directory, drains) for _ in range(2)]
        try:
            for daemon in daemons:
                await daemon.start(world.http)
            ports = [daemon.port for daemon in daemons]
            async with shop_nginx(directory / "nginx", world.port, ports, repeat_posts=repeat_posts):
                yield Fleet(world, daemons, Sales(world, seed))
        finally:
            for daemon in daemons:
                await daemon.kill()
