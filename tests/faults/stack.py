"""Two PostgreSQL servers, the offline Stripe and a daemon of two workers, to be killed or given a wrong clock."""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
import signal
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.endpoint import ensure_endpoint
from checkout_daemon.dev.main import seed_catalog
from checkout_daemon.dev.ports import free_port
from checkout_daemon.stripe_api.client import StripeGateway
from tests.faults.clocks import Clock
from tests.faults.late_effects import LateEffects
from tests.faults.pair import Pair

KEY = f"sk_test_{secrets.token_hex(16)}"
_PROGRAM = (sys.executable, "-P", "-m", "checkout_daemon")
_START_SECONDS = 120.0


@dataclass(kw_only=True)
class Programs:
    """The daemon and the offline Stripe, with whatever database: `database_url` is where the truth is read.

    `given` are the sessions that shoppers were sent to.
    """

    directory: Path
    http: aiohttp.ClientSession
    database_url: str
    stripe_base: str
    environ: Mapping[str, str]
    port: int
    daemon: Process | None = None
    starts: int = 0
    given: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start_daemon(self) -> None:
        """Start the daemon and wait until it is ready."""
        with (self.directory / "daemon.log").open("ab") as log:
            self.daemon = await asyncio.create_subprocess_exec(
                *_PROGRAM, "serve", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "2",
                cwd=self.directory, env=dict(self.environ), stdin=DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.starts += 1
        await self.ready()

    async def ready(self) -> None:
        async with asyncio.timeout(_START_SECONDS):
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with self.http.get(f"{self.url}/readyz", timeout=aiohttp.ClientTimeout(3)) as answer:
                        if answer.status == 200:
                            return
                if self.daemon is not None and self.daemon.returncode is not None:
                    await self.start_daemon()
                    return
                await asyncio.sleep(0.1)

    def workers(self) -> list[int]:
        """Return the process ids of the daemon's workers, or an empty list while it is down."""
        if self.daemon is None or self.daemon.returncode is not None:
            return []
        try:
            text = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text(encoding="ascii")
        except OSError:
            return []
        return [int(pid) for pid in text.split()]

    async def kill_daemon(self) -> None:
        if self.daemon is not None and self.daemon.returncode is None:
            self.daemon.kill()
            await self.daemon.wait()

    async def stop_daemon(self) -> None:
        if self.daemon is not None and self.daemon.returncode is None:
            self.daemon.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                await self.daemon.wait()

    async def command(self, *arguments: object, kill_after: float | None = None) -> int | None:
        """Run `checkout …` as an operator, and return the exit status, or None if it was killed."""
        with (self.directory / "commands.log").open("ab") as log:
            log.write(f"$ {' '.join(map(str, arguments))}\n".encode())
            log.flush()
            process = await asyncio.create_subprocess_exec(
                *_PROGRAM, *map(str, arguments),
                cwd=self.directory, env=dict(self.environ), stdin=DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            async with asyncio.timeout(150 if kill_after is None else kill_after):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            assert kill_after is not None, f"{arguments} did not end"
            return None

    async def stripe(self, method: str, path: str, form: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Call the offline Stripe directly. Reads are repeated after planned trouble; a lost write returns (0, {})."""
        headers = {"Authorization": f"Bearer {KEY}"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(12)
        url = f"{self.stripe_base}{path}"
        for _ in range(100):
            with suppress(aiohttp.ClientError):
                async with self.http.request(method, url, data=form, headers=headers) as answer:
                    if answer.status not in (429, 500):
                        return answer.status, await answer.json()
                if method == "POST":
                    return 0, {}
            await asyncio.sleep(0.05)
        raise AssertionError(f"no answer from {method} {path}")

    async def now(self) -> int:
        """Return the time by Stripe's clock."""
        async with self.http.get(f"{self.stripe_base}/sandbox/clock") as answer:
            return int((await answer.json())["now"])

    async def every(self, path: str, since: int = 0) -> list[dict[str, Any]]:
        """Return every object of a list at Stripe that was created since a time by Stripe's clock."""
        objects: list[dict[str, Any]] = []
        while True:
            after = f"&starting_after={objects[-1]['id']}" if objects else ""
            _, page = await self.stripe("GET", f"{path}?limit=100&created[gte]={since}{after}")
            objects += page["data"]
            if not page["has_more"]:
                return objects

    async def plan_trouble(self, **settings: Any) -> None:
        """Plan trouble at Stripe, or end it if no settings are given."""
        url = f"{self.stripe_base}/sandbox/chaos"
        request = self.http.post(url, json=settings) if settings else self.http.delete(url)
        async with request as answer:
            assert answer.status == 200, await answer.text()

    def acknowledged(self) -> set[str]:
        """Return the ids of the events that were delivered with a 2xx response, as Stripe saw it."""
        return set(self._ask("SELECT DISTINCT d.event FROM deliveries d JOIN attempts a ON a.delivery = d.id "
                             "WHERE a.status BETWEEN 200 AND 299"))  # fmt: skip

    def undelivered(self) -> list[float]:
        """Return when the pending deliveries are due, by Stripe's clock."""
        return self._ask("SELECT next_at FROM deliveries WHERE next_at IS NOT NULL ORDER BY 1")

    def _ask(self, question: str) -> list[Any]:
        with closing(sqlite3.connect(self.directory / "stripe" / "sandbox.sqlite3")) as storage:
            return [row[0] for row in storage.execute(question)]

    async def rows(self, question: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetch(question, *values)
        finally:
            await connection.close()


@dataclass(kw_only=True)
class Stack(Programs):
    """All running programs. `world` is the right time; `ours` is the daemon's clock, which may be wrong.

    Without libfaketime these two are None: then only Stripe's clock moves.
    """

    postgres: Pair
    world: Clock | None
    ours: Clock | None
    network: LateEffects

    async def pass_time(self, seconds: float) -> None:
        """Move the right time forward for all programs, and make Stripe do what is due by then."""
        advance = math.ceil(seconds)
        if self.world is not None and self.ours is not None:
            self.world.set(self.world.offset_seconds + seconds)
            self.ours.set(self.ours.offset_seconds + seconds)
            await asyncio.sleep(1.5)  # programs read their clock's file once a second
            advance = 0
        async with self.http.post(f"{self.stripe_base}/sandbox/clock", json={"advance": advance}) as answer:
            assert answer.status == 200, await answer.text()

    async def mistake_the_time(self, seconds: float) -> None:
        """Set the clock of the daemon's machine wrong by this much, or right again."""
        if self.world is not None and self.ours is not None:
            self.ours.set(self.world.offset_seconds + seconds)
            await asyncio.sleep(1.5)


@asynccontextmanager
async def offline_stripe(directory: Path, clock: Mapping[str, str]) -> AsyncIterator[str]:
    """Start the offline Stripe with the clock of this environment, and give its base URL."""
    process = await asyncio.create_subprocess_exec(
        *_PROGRAM, "sandbox", "--port", str(free_port()), "--state-dir", str(directory / "stripe"), "--retries", "live",
        cwd=directory, env={**_clean(), **clock}, stdin=DEVNULL, stdout=PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().split()[-1]
    finally:
        process.terminate()
        await process.wait()


async def prepare(directory: Path, database_url: str, stripe_base: str, api_base: str, port: int) -> dict[str, str]:
    """Prepare the schema, the catalog and the webhook endpoint, and return the daemon's environment."""
    await migrate(database_url)
    await seed_catalog(database_url)
    url = f"http://127.0.0.1:{port}"
    gateway = StripeGateway(KEY, stripe_base)
    endpoint = await ensure_endpoint(gateway, f"{url}/api/webhook", directory)
    await gateway.close()
    return _clean() | {
        "DATABASE_URL": database_url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": api_base,
        "STRIPE_WEBHOOK_SECRET": endpoint.secret, "CHECKOUT_PUBLIC_URL": url, "CHECKOUT_RATE_LIMIT": "0",
        "CHECKOUT_STATE_DIR": str(directory / "none"),
    }  # fmt: skip


def _clean() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("CHECKOUT_", "STRIPE_", "DATABASE_"))
    }


@asynccontextmanager
async def running_stack(directory: Path, seed: int, *, clocks: bool) -> AsyncIterator[Stack]:
    """Start everything in an empty directory, and stop it at the end.

    With `clocks` all programs have clocks of their own. Raises MissingPackage if libfaketime is not installed.
    """
    directory.chmod(0o755)
    world = Clock(directory / "world.clock") if clocks else None
    ours = Clock(directory / "ours.clock") if clocks else None
    faked = world.environ if world else {}
    postgres = Pair(directory, faked)
    try:
        await postgres.start()
        async with offline_stripe(directory, faked) as stripe_base, aiohttp.ClientSession() as http:
            network = LateEffects(stripe_base, seed)
            port = free_port()
            try:
                environ = await prepare(directory, postgres.url, stripe_base, await network.start(), port)
                environ |= {"CHECKOUT_FAILED_TRIES": "0", **(ours.environ if ours else {})}
                stack = Stack(
                    directory=directory, http=http, database_url=postgres.url, stripe_base=stripe_base,
                    environ=environ, port=port, postgres=postgres, world=world, ours=ours, network=network,
                )  # fmt: skip
                try:
                    await stack.start_daemon()
                    yield stack
                finally:
                    await stack.kill_daemon()
            finally:
                await network.stop()
    finally:
        await postgres.stop()


def dump(value: object) -> str:
    """Return one line of JSON for a report."""
    return json.dumps(value, default=str, sort_keys=True)
