"""PostgreSQL, the offline Stripe, a network between Stripe and one daemon, and what the daemon uses of the machine."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sqlite3
import sys
import time
import uuid
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil

from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.endpoint import ensure_endpoint
from checkout_daemon.dev.main import seed_catalog
from checkout_daemon.dev.ports import free_port
from checkout_daemon.dev.postgres import EmbeddedPostgres
from checkout_daemon.sandbox.storage import FILE
from checkout_daemon.stripe_api.client import StripeGateway
from tests.faults.weather.network import Network
from tests.support.stripe_events import event_body, signed

_PROGRAM = (sys.executable, "-P", "-m", "checkout_daemon")
_START_SECONDS = 120.0
_SHOPPER_TIMEOUT = aiohttp.ClientTimeout(60)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got and when; status 0 means no answer."""

    status: int
    seconds: float
    data: dict[str, Any] = field(default_factory=dict)
    retry_after: str | None = None


@dataclass
class World:
    """All running programs. `before` comes before the daemon's command, for example to enter a namespace."""

    directory: Path
    http: aiohttp.ClientSession
    postgres: EmbeddedPostgres
    network: Network
    stripe_base: str
    key: str
    environ: dict[str, str]
    port: int
    before: Sequence[str] = ()
    daemon: Process | None = None
    most: dict[str, float] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start_daemon(self) -> None:
        """Start the daemon and wait until it is ready."""
        with (self.directory / "daemon.log").open("ab") as log:
            self.daemon = await asyncio.create_subprocess_exec(
                *self.before, *_PROGRAM, "serve", "--host", "127.0.0.1", "--port", str(self.port),
                cwd=self.directory, env=self.environ, stdin=DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        await self.ready()

    async def ready(self) -> None:
        """Wait until the daemon is ready."""
        async with asyncio.timeout(_START_SECONDS):
            while (await self.get("/readyz")).status != 200:
                assert self.daemon is not None
                assert self.daemon.returncode is None, (self.directory / "daemon.log").read_text()[-2000:]
                await asyncio.sleep(0.1)

    async def stop_daemon(self) -> None:
        if self.daemon is not None and self.daemon.returncode is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(30):
                    await self.daemon.wait()
            except TimeoutError:
                self.daemon.kill()
                await self.daemon.wait()

    async def command(self, *arguments: object, **environ: str) -> tuple[int, str]:
        """Run `checkout …` as an operator, and return its exit status and output."""
        process = await asyncio.create_subprocess_exec(
            *_PROGRAM, *map(str, arguments),
            cwd=self.directory, env=self.environ | environ, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
        )  # fmt: skip
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()

    async def get(self, path: str) -> Answer:
        return await self._ask("GET", path)

    async def check_out(self, key: str) -> Answer:
        """Request an order as a shopper. The same key requests the same order."""
        customer = {"name": "Ada Lovelace", "email": f"{key}@example.com", "phone": "+442071838750"}
        body = {"items": [{"sku": "NOTEBOOK-A5", "quantity": 2}], "customer": customer}
        return await self._ask("POST", "/api/stripe-checkout", json=body, headers={"Idempotency-Key": key})

    async def quote(self) -> Answer:
        """Ask what a cart costs."""
        body = {"items": [{"sku": "NOTEBOOK-A5", "quantity": 2}]}
        return await self._ask("POST", "/api/quotes", json=body)

    async def deliver(self) -> tuple[str, Answer]:
        """Deliver an event that concerns no order, signed as Stripe would, and return its id as well."""
        body = event_body("customer.created", {"id": f"cus_{uuid.uuid4().hex}", "object": "customer"})
        headers = {"Stripe-Signature": signed(body, self.environ["STRIPE_WEBHOOK_SECRET"])}
        return json.loads(body)["id"], await self._ask("POST", "/api/webhook", data=body, headers=headers)

    async def pay(self, session_id: str, amount: int) -> None:
        """Pay a session at Stripe with a card."""
        method = await self.stripe("POST", "/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"})
        confirm = {"payment_method": method["id"], "expected_amount": str(amount)}
        await self.stripe("POST", f"/v1/payment_pages/{session_id}/confirm", confirm)

    async def _ask(self, method: str, path: str, **given: Any) -> Answer:
        begun = time.monotonic()
        try:
            async with self.http.request(method, self.url + path, timeout=_SHOPPER_TIMEOUT, **given) as answer:
                content = await answer.read()
                status, headers = answer.status, answer.headers
        except (aiohttp.ClientError, TimeoutError):
            return Answer(0, time.monotonic() - begun)
        data: Any = {}
        with suppress(ValueError):
            data = json.loads(content)
        seconds = time.monotonic() - begun
        return Answer(status, seconds, data if isinstance(data, dict) else {}, headers.get("Retry-After"))

    async def stripe(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Any:
        """Call the offline Stripe past the network."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.http.request(method, self.stripe_base + path, data=form, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def every(self, path: str) -> list[dict[str, Any]]:
        """Return every object of a list at Stripe."""
        objects: list[dict[str, Any]] = []
        while True:
            after = f"&starting_after={objects[-1]['id']}" if objects else ""
            page = await self.stripe("GET", f"{path}?limit=100{after}")
            objects += page["data"]
            if not page["has_more"]:
                return objects

    def delivered_by_stripe(self) -> tuple[int, int]:
        """Return how many deliveries the offline Stripe has made, and how many of them it had to repeat."""
        with closing(sqlite3.connect(self.directory / "stripe" / FILE)) as storage:
            question = "SELECT count(*), count(*) FILTER (WHERE attempts > 1) FROM deliveries WHERE state = 'delivered'"
            made, repeated = storage.execute(question).fetchone()
            return int(made), int(repeated)

    def undelivered(self) -> int:
        """Return how many deliveries the offline Stripe still has to make, those under way included."""
        with closing(sqlite3.connect(self.directory / "stripe" / FILE)) as storage:
            (left,) = storage.execute("SELECT count(*) FROM deliveries WHERE state = 'pending'").fetchone()
            return int(left)

    async def sessions(self) -> dict[str, list[dict[str, Any]]]:
        """Return the sessions at Stripe by order."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for session in await self.every("/v1/checkout/sessions"):
            found[session["client_reference_id"]].append(session)
        return found

    async def rows(self, question: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.postgres.url())
        try:
            return await connection.fetch(question, *values)
        finally:
            await connection.close()

    async def metric(self, line: str) -> float | None:
        """Return the value of a metric of the daemon, or None if it has none."""
        async with self.http.get(f"{self.url}/metrics") as answer:
            for read in (await answer.text()).splitlines():
                name, _, value = read.rpartition(" ")
                if name == line:
                    return float(value)
        return None

    def usage(self) -> dict[str, float]:
        """Return what the daemon's process uses now, and remember the most."""
        assert self.daemon is not None
        process = psutil.Process(self.daemon.pid)
        now = {
            "mb": process.memory_info().rss / 2**20,
            "descriptors": process.num_fds(),
            "threads": process.num_threads(),
        }
        for name, value in now.items():
            self.most[name] = max(value, self.most.get(name, 0))
        return now


async def this_schema(database_url: str) -> None:
    """Make the schema and the catalog of this tree."""
    await migrate(database_url)
    await seed_catalog(database_url)


@asynccontextmanager
async def running_world(
    directory: Path, settings: Mapping[str, str] | None = None, disk: Path | None = None
) -> AsyncIterator[World]:
    """Start everything in an empty directory, and stop it at the end.

    PostgreSQL has these settings, and its files are in the folder `disk` if it is given.
    """
    async with world_without_daemon(directory, settings, disk) as world:
        try:
            await world.start_daemon()
            yield world
        finally:
            await world.stop_daemon()


@asynccontextmanager
async def world_without_daemon(
    directory: Path,
    settings: Mapping[str, str] | None = None,
    disk: Path | None = None,
    prepare: Callable[[str], Awaitable[None]] = this_schema,
) -> AsyncIterator[World]:
    """Start everything but the daemon; `prepare` makes the schema and the catalog."""
    directory.chmod(0o755)
    postgres = EmbeddedPostgres(disk or directory, settings=settings)
    await postgres.start()
    key, port, stripe_port = f"sk_test_{secrets.token_hex(16)}", free_port(), free_port()
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("CHECKOUT_", "STRIPE_", "DATABASE_"))}  # fmt: skip
    stripe_base = f"http://127.0.0.1:{stripe_port}"
    sandbox = await asyncio.create_subprocess_exec(
        *_PROGRAM, "sandbox", "--port", str(stripe_port), "--state-dir", str(directory / "stripe"), "--retries", "live",
        cwd=directory, env=clean, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL,
    )  # fmt: skip
    network = Network(stripe_base)
    try:
        assert sandbox.stdout is not None
        await sandbox.stdout.readline()
        base = await network.start()
        await prepare(postgres.url())
        url = f"http://127.0.0.1:{port}"
        gateway = StripeGateway(key, stripe_base)
        endpoint = await ensure_endpoint(gateway, f"{url}/api/webhook", directory)
        await gateway.close()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            environ = clean | {
                "DATABASE_URL": postgres.url(), "STRIPE_API_KEY": key, "STRIPE_API_BASE": base,
                "STRIPE_WEBHOOK_SECRET": endpoint.secret, "CHECKOUT_PUBLIC_URL": url, "CHECKOUT_RATE_LIMIT": "0",
                "CHECKOUT_STATE_DIR": str(directory / "none"),
            }  # fmt: skip
            yield World(directory, http, postgres, network, stripe_base, key, environ, port)
    finally:
        await network.stop()
        sandbox.terminate()
        await sandbox.wait()
        await postgres.stop()
