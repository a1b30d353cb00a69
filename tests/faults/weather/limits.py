"""A database at its limits: a full disk, read-only, no connection left, time limits, a lock.

Each lasts a tenth of `--seconds`, and at least LEAST_SECONDS. Shoppers and Stripe are refused with 503 in time, nothing
is written by half, and the daemon continues without a restart.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg

from tests.faults.report import MissingPackage, Options, Part, Result
from tests.faults.weather.shoppers import Shoppers, compare, endure, heal
from tests.faults.weather.world import World, running_world

LEAST_SECONDS = 12.0
DELIVERY_SECONDS = 15.0
READY_SECONDS = 30.0
_DISK_MB = 320
_CONNECTIONS = 40

Fault = Callable[[World], AbstractAsyncContextManager[None]]


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """Mount a file system of a few hundred megabytes in memory. Raises MissingPackage if that is not allowed."""
    if os.getuid() != 0 or shutil.which("mount") is None:
        raise MissingPackage("a small file system needs root and mount: apt-get install mount")
    disk = directory / "disk"
    disk.mkdir(mode=0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m,mode=755", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@asynccontextmanager
async def full_disk(world: World) -> AsyncIterator[None]:
    """Fill the disk; at the end make room, and start PostgreSQL if it gave up, as a service manager does."""
    filler = world.directory / "disk" / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    try:
        yield
    finally:
        filler.unlink()
        try:
            async with asyncio.timeout(2):
                await world.postgres.wait()
        except TimeoutError:
            pass
        else:
            await world.postgres.start()


@asynccontextmanager
async def changed(world: World, setting: str, value: str) -> AsyncIterator[None]:
    """Change a setting of the server for all connections; our own is made before."""
    admin = await asyncpg.connect(world.postgres.url("postgres"))
    await admin.execute(f"SET {setting} = '{await admin.fetchval(f'SHOW {setting}')}'")
    await admin.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
    await admin.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        await admin.execute(f"ALTER SYSTEM RESET {setting}")
        await admin.execute("SELECT pg_reload_conf()")
        await admin.close()


@asynccontextmanager
async def no_connection_left(world: World) -> AsyncIterator[None]:
    """Take every connection of the server, those of the daemon as well."""
    taken: list[asyncpg.Connection] = []
    ended = asyncio.Event()

    async def take() -> None:
        while not ended.is_set():
            with suppress(asyncpg.PostgresError, OSError):
                taken.append(await asyncpg.connect(world.postgres.url("postgres"), timeout=5))
                continue
            with suppress(asyncpg.PostgresError):
                await taken[0].execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = 'checkout' AND backend_type = 'client backend'"
                )
            await asyncio.sleep(0.05)

    taking = asyncio.create_task(take())
    try:
        yield
    finally:
        ended.set()
        await taking
        for connection in taken:
            await connection.close()


@asynccontextmanager
async def locked(world: World) -> AsyncIterator[None]:
    """Lock the table of orders, as a careless migration does."""
    admin = await asyncpg.connect(world.postgres.url())
    async with admin.transaction():
        await admin.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        yield
    await admin.close()


FAULTS: tuple[tuple[str, Fault], ...] = (
    ("the server is read-only", lambda world: changed(world, "default_transaction_read_only", "on")),
    ("no connection is left", no_connection_left),
    ("statements may take 2 ms", lambda world: changed(world, "statement_timeout", "2ms")),
    ("the orders are locked", locked),
    ("the disk is full", full_disk),
)


async def by_half(world: World) -> list[str]:
    """Return what was written in part."""
    wrong = []
    for what, question in (
        ("orders without items", "SELECT count(*) FROM orders o WHERE NOT EXISTS "
         "(SELECT FROM order_items i WHERE i.order_id = o.id)"),
        ("orders without an attempt", "SELECT count(*) FROM orders o WHERE NOT EXISTS "
         "(SELECT FROM session_attempts a WHERE a.order_id = o.id)"),
        ("orders without a first change", "SELECT count(*) FROM orders o WHERE NOT EXISTS "
         "(SELECT FROM order_changes c WHERE c.order_id = o.id)"),
        ("events without a payload", "SELECT count(*) FROM stripe_events e WHERE NOT EXISTS "
         "(SELECT FROM stripe_event_payloads p WHERE p.event_id = e.id)"),
    ):  # fmt: skip
        if count := (await world.rows(question))[0][0]:
            wrong.append(f"{count} {what}")
    return wrong


async def run(options: Options) -> list[Result]:
    """Bring the database to each of its limits while shoppers and deliveries come."""
    seconds = max(options.seconds / 10, LEAST_SECONDS)
    results: list[Result] = []
    settings = {"max_connections": str(_CONNECTIONS), "max_wal_size": "96MB"}
    with small_disk(options.directory) as disk:
        async with running_world(options.directory, settings, disk) as world:
            shoppers = Shoppers(world)
            await shoppers.come(2)
            assert world.daemon is not None
            pid = world.daemon.pid
            for promise, fault in FAULTS:
                since = len(shoppers.answers)
                async with fault(world):
                    counts, wrong = await endure(
                        world, shoppers, seconds, delivery_seconds=DELIVERY_SECONDS, may_refuse=True
                    )
                try:
                    async with asyncio.timeout(READY_SECONDS):
                        await world.ready()
                except TimeoutError:
                    wrong.append(f"not ready after {READY_SECONDS:.0f} s")
                more, still = await heal(world, shoppers, since)
                still += await by_half(world)
                if (world.daemon.pid, world.daemon.returncode) != (pid, None):
                    still.append("the daemon was restarted")
                results.append(Result(promise, counts | more, (*wrong, *still)))
            differences = await compare(world, shoppers)
            totals = {"orders": len(shoppers.answers), "events": len(shoppers.delivered), "paid": len(shoppers.paid)}
            results.append(Result("every order is held once, and every acknowledged event", totals, tuple(differences)))
    return results


PART = Part("limits", "a database with a full disk, read-only, without connections, with time limits, locked", run)
