"""The servers that are measured: how each is prepared, started and checked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from bench.support.cluster import execute
from bench.support.events import SECRET, Order
from bench.support.processes import plain_environment

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench/peers"
PEERS_PYTHON = ROOT / ".bench/venv/bin/python"
DAEMON, OTHER_DAEMON = "daemon", "other daemon"
API_KEY = "sk_test_" + "bench" * 6


@dataclass(frozen=True, slots=True)
class Store:
    """What a target keeps in its database: a folder of statements, and the command that creates the schema, if any."""

    folder: Path
    migrate: tuple[str, ...] = ()

    async def prepare(self, url: str, count: int) -> None:
        """Create the schema, the catalog and some orders that wait to be paid."""
        if self.migrate:
            environ = plain_environment() | {"DATABASE_URL": url}
            await asyncio.to_thread(subprocess.run, self.migrate, env=environ, cwd="/", check=True, capture_output=True)
        for name in ("schema.sql", "catalog.sql"):
            if (self.folder / name).exists():
                await execute(url, self.statement(name))
        if count:
            await self.seed(url, count)

    async def seed(self, url: str, count: int) -> None:
        """Create orders that wait to be paid."""
        await execute(url, self.statement("seed.sql").replace("{count}", str(count)))

    async def orders(self, url: str, count: int) -> list[Order]:
        """Return the orders that wait to be paid."""
        connection = await asyncpg.connect(url)
        try:
            return [Order(*row) for row in await connection.fetch(self.statement("orders.sql"), count)]
        finally:
            await connection.close()

    async def check(self, url: str, name: str, *arguments: object) -> list[str]:
        """Run a statement of checks, and return those that got something else than they want."""
        connection = await asyncpg.connect(url)
        try:
            rows = await connection.fetch(self.statement(name), *arguments, timeout=600)
        finally:
            await connection.close()
        return [f"{check}: got {got}, want {want}" for check, got, want in rows if got != want]

    def statement(self, name: str) -> str:
        """Return a file of the folder."""
        return (self.folder / name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Target:
    """A server. `{port}` in its command is replaced; `ready` is the path that answers 200 once it is ready.

    `per_second` bounds how many requests are prepared for each second of a closed loop.
    """

    name: str
    command: tuple[str, ...]
    per_second: int
    store: Store | None = None
    directory: Path = Path("/")  # not the repository: a .env file in there would be read
    ready: str = ""
    has_metrics: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)

    def environment(self, database_url: str, stub_port: int) -> dict[str, str]:
        """Return the variables that it is started with."""
        return {
            "DATABASE_URL": database_url,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_API_BASE": f"http://127.0.0.1:{stub_port}",
        } | dict(self.environ)


_PEERS_STORE = Store(ROOT / "bench/sql/peers")
FLASK = Target(
    "Flask design",
    (str(PEERS_PYTHON), "-m", "gunicorn", "--bind", "127.0.0.1:{port}"),
    per_second=2500,
    store=_PEERS_STORE,
    directory=PEERS,
)
GROUP_COMMIT = Target(
    "group commit",
    (sys.executable, str(PEERS / "group_commit.py"), "{port}"),
    per_second=14_000,
    store=_PEERS_STORE,
)
BARE = Target("bare aiohttp", (sys.executable, str(PEERS / "bare_aiohttp.py"), "{port}"), per_second=24_000)
STUB = (sys.executable, str(PEERS / "stripe_stub.py"), "{port}")


def daemon(name: str = DAEMON, checkout: Path = ROOT) -> Target:
    """Return the daemon of this checkout of the repository, or of another one with its own virtual environment."""
    program = str(Path(sys.executable).parent / "checkout")
    if checkout != ROOT:
        program = str(checkout / ".venv/bin/checkout")
        if not Path(program).exists():
            raise SystemExit(f"{program} does not exist: set up that checkout first, for example with make check")
    folder = checkout / "bench/sql/daemon"
    return Target(
        name,
        (program, "serve", "--host", "127.0.0.1", "--port", "{port}", "--no-jobs"),
        per_second=8000,
        store=Store(folder if folder.exists() else ROOT / "bench/sql/daemon", (program, "db", "migrate")),
        ready="/readyz",
        has_metrics=True,
        # All requests come from one address and one customer, which would be limits of a shop, not of the program.
        environ={"CHECKOUT_CURRENCY": "usd", "CHECKOUT_RATE_LIMIT": "0"},
    )
