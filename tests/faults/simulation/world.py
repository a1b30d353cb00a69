"""The simulated world: its processes, its database, and what moves and checks need of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from asyncpg.protocol.protocol import NO_TIMEOUT

from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.endpoint import ensure_endpoint
from checkout_daemon.dev.main import seed_catalog
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from checkout_daemon.stripe_api.client import StripeGateway
from tests.faults.simulation.loop import SimulatedLoop
from tests.faults.simulation.network import Network
from tests.faults.simulation.postgres import CLOCK_SQL, SETTINGS, Monitor, Postgres, SimulatedPostgres
from tests.faults.simulation.programs import (
    MAIL_PORT,
    SHOP_PORT,
    STRIPE_PORT,
    SYSTEM_PORT,
    Daemon,
    Received,
    Stripe,
    start_mail,
    start_stripe,
    start_system,
)

KEY = "sk_test_simulated0123456789"
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_ATTEMPTS = 100


async def _close_statements_in_sequence(connection: Any) -> None:
    """Do what asyncpg does, but in a sequence that does not depend on the statements' addresses."""
    unused, connection._stmts_to_close = connection._stmts_to_close, set()
    for statement in sorted(unused, key=lambda one: str(one.name)):
        await connection._protocol.close_statement(statement, NO_TIMEOUT)


asyncpg.Connection._cleanup_stmts = _close_statements_in_sequence  # type: ignore[attr-defined]


def beginning(seed: int) -> float:
    """Return when an episode begins: on some day of two years, so that some meet a new year or a leap day."""
    return _FIRST_DAY + random.Random(f"begin {seed}").randrange(2 * 365 * 24) * 3600.0


async def start_database(directory: Path, seed: int) -> SimulatedPostgres:
    """Start the server and make the schema and the catalog, with the clock at the beginning of the episode."""
    server = SimulatedPostgres(directory, settings=SETTINGS)
    await server.start()
    monitor = Monitor(server.socket_path, "checkout", "checkout")
    moment = datetime.fromtimestamp(beginning(seed), UTC).isoformat()
    for name, value in (("begun", moment), ("now", moment), ("seed", str(seed))):
        monitor.rows(f"ALTER DATABASE checkout SET simulated.{name} = '{value}'")
    monitor.rows("ALTER DATABASE checkout SET search_path = public, pg_catalog")
    monitor.rows(CLOCK_SQL)
    await migrate(server.url())
    await seed_catalog(server.url())
    return server


@dataclass
class World:
    """Everything that is simulated. Also what the moves of `tests.faults.moves` take for the stack of real programs."""

    seed: int
    loop: SimulatedLoop
    network: Network
    postgres: Postgres
    directory: Path
    environ: Mapping[str, str]
    stripe_itself: Stripe
    received: Received
    http: aiohttp.ClientSession
    daemons: list[Daemon]
    random: random.Random
    database_skew: list[float]
    url: str = f"http://127.0.0.1:{SHOP_PORT}"
    given: set[str] = field(default_factory=set)

    async def stripe(self, method: str, path: str, form: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Call Stripe as its dashboard or a shopper's browser does. Reads are repeated; a write is sent once."""
        headers = {"Authorization": f"Bearer {KEY}"}
        for _ in range(_ATTEMPTS):
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.http.request(
                    method, f"http://127.0.0.1:{STRIPE_PORT}{path}", data=form, headers=headers
                ) as answer:
                    if answer.status not in (429, 500):
                        return answer.status, await answer.json()
            if method == "POST":
                break
            await asyncio.sleep(0.5)
        return 0, {"data": []}

    async def pass_time(self, seconds: float) -> None:
        """Let time pass at once. What polls meanwhile polls once."""
        self.loop.leap(seconds)
        await asyncio.sleep(seconds)

    def runtime(self) -> AbstractAsyncContextManager[Runtime]:
        """Open what a command opens, as the current process."""
        settings = load_settings(dict(self.environ), cwd=self.directory)
        return open_runtime(settings, pool_size=2)

    @property
    def now(self) -> float:
        return self.loop.began_at + self.loop.time()


@asynccontextmanager
async def running_world(
    loop: SimulatedLoop, server: SimulatedPostgres, seed: int, directory: Path, daemons: int
) -> AsyncIterator[World]:
    """Start all programs."""
    chance = random.Random(f"moves {seed}")
    skew = [0.0]

    def clock() -> str:
        return datetime.fromtimestamp(round(loop.began_at + loop.time() + skew[0], 6), UTC).isoformat()

    postgres = Postgres(server.socket_path, "checkout", "checkout", clock)
    postgres.note = loop.note
    loop.network = network = Network(loop, seed, postgres)
    received = Received(loop)
    stripe = await start_stripe(network, directory / "stripe", chance.choice((3600.0, 86_400.0, 4 * 86_400.0)))
    await start_system(network, received)
    start_mail(network, received)
    base = f"http://127.0.0.1:{STRIPE_PORT}"
    gateway = StripeGateway(KEY, base)
    url = f"http://127.0.0.1:{SHOP_PORT}"
    endpoint = await ensure_endpoint(gateway, f"{url}/api/webhook", directory)
    await gateway.close()
    environ = {
        "DATABASE_URL": "postgresql://checkout@/checkout?host=/simulated",
        "STRIPE_API_KEY": KEY,
        "STRIPE_API_BASE": base,
        "STRIPE_WEBHOOK_SECRET": endpoint.secret,
        "CHECKOUT_PUBLIC_URL": url,
        "CHECKOUT_RATE_LIMIT": "0",
        "CHECKOUT_STATE_DIR": str(directory / "none"),
        "CHECKOUT_SMTP_URL": f"smtp://127.0.0.1:{MAIL_PORT}?starttls=never",
        "CHECKOUT_MAIL_FROM": "Example Tea <orders@shop.example>",
        "CHECKOUT_ALERT_TO": "ops@shop.example",
        "CHECKOUT_SHOP_WEBHOOK_URL": f"http://127.0.0.1:{SYSTEM_PORT}/hook",
        "CHECKOUT_SHOP_WEBHOOK_SECRET": "whsec_c2ltdWxhdGVkLXNpbXVsYXRlZC1zaW11bGF0ZWQ=",
        "CHECKOUT_PAYLOAD_DAYS": "14",
    }
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        shop = World(
            seed, loop, network, postgres, directory, environ, stripe, received, http, [], chance, skew,
        )  # fmt: skip
        for number in range(1, daemons + 1):
            name = f"daemon-{number}"
            shop.daemons.append(Daemon(network, name, directory, environ, loop.process(name)))
            shop.daemons[-1].start()
        await asyncio.sleep(5)
        yield shop
