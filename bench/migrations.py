"""Measure how long migrating a database of a million orders makes shoppers and Stripe wait.

Fills a database at an older schema, and applies one migration after the other while orders are placed and changed and
events are stored, as by daemons of the older release, and while every table in turn is locked as a write locks it. The
gate is lock_timeout: none of these statements may wait 100 ms for a lock. Also reports the longest wait for a lock that
was seen, and the slowest statement with and without migrations, which on a busy machine is slow for other reasons.

    .venv/bin/python -m bench.migrations [--orders 1000000] [--from-version 8]
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from bench.support.cluster import make_state_dir
from checkout_daemon.database import migrations
from checkout_daemon.database.migrations import Migration, all_migrations, migrate
from checkout_daemon.database.partitions import ensure_partitions
from checkout_daemon.database.schema_backfills import finish
from checkout_daemon.dev.postgres import EmbeddedPostgres

LOCK_MILLISECONDS = 100
RICH = 33
"""From this version on, the database is filled by fill.sql: with items, payments, messages and payloads as well."""
LATER = {"charges": 39}
"""What fill.sql fills, but schemas before this version do not have."""
_FILL_RICH = Path(__file__).parent / "sql/fill.sql"
_QUIET_SECONDS = 10.0
_FILL_SECONDS = 3600.0
VERSIONS = """
CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, oldest_code integer NOT NULL,
                                applied_at timestamptz NOT NULL DEFAULT now())
"""
RECORD = "INSERT INTO schema_migrations (version, name, oldest_code) VALUES ($1, $2, $3)"
COLUMNS = (
    "INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,"
    " customer_phone, livemode, created_at)"
)
FILL = f"""
{COLUMNS}
SELECT gen_random_uuid(), 'eur', 1000, 0, 1000, 'Customer Number ' || n, 'customer' || n || '@example.com',
       '+442071838750', false, now() - n * interval '1 second' FROM generate_series(1, $1::integer) AS n
"""
CHANGES = "INSERT INTO order_changes (order_id, to_status, cause, actor) SELECT id, 'pending', 'c', 'a' FROM orders"
MAKE = (
    f"{COLUMNS} VALUES (gen_random_uuid(), 'eur', 1, 0, 1, 'New', 'new@example.com', '+1', false, now()) RETURNING id"
)
CHANGE = "UPDATE orders SET updated_at = now() WHERE id = $1"
TELL = "INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES ($1, 'pending', 'c', 'a')"
EVENT = """
INSERT INTO stripe_events (id, type, livemode, received_at, body_hash, status, reason)
VALUES ('evt_' || gen_random_uuid(), 'customer.created', false, now(), '\\x00', 'ignored', 'unhandled_type')
RETURNING id
"""
PAYLOAD = "INSERT INTO stripe_event_payloads (event_id, received_at, payload) VALUES ($1, now(), '{}')"
TABLES = """
SELECT format('%I', relname) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
"""
WAITING = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8
FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND application_name = 'shop'
"""


@dataclass(slots=True)
class Shop:
    """A daemon of the older release: its `slowest` statements in seconds, and those `refused` because of a lock."""

    statements: int = 0
    slowest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    refused: list[str] = field(default_factory=list)
    longest_wait: float = 0.0

    async def sell(self, url: str, until: asyncio.Event) -> None:
        """Create and change orders until the event is set."""
        async with _connected(url) as connection:
            while not until.is_set():
                order_id = await self._run(connection, "an order", MAKE)
                if order_id is not None:
                    await self._run(connection, "a change", CHANGE, order_id)
                    await self._run(connection, "a change", TELL, order_id)

    async def take_events(self, url: str, until: asyncio.Event) -> None:
        """Store events until the event is set."""
        async with _connected(url) as connection:
            while not until.is_set():
                event_id = await self._run(connection, "a webhook", EVENT)
                if event_id is not None:
                    await self._run(connection, "a webhook", PAYLOAD, event_id)

    async def write_everywhere(self, url: str, until: asyncio.Event) -> None:
        """Take the lock of a write on one table after the other until the event is set."""
        async with _connected(url) as connection:
            while not until.is_set():
                for (table,) in await connection.fetch(TABLES):
                    with suppress(asyncpg.UndefinedTableError):  # a migration has dropped it
                        lock = f"DO $$ BEGIN LOCK TABLE {table} IN ROW EXCLUSIVE MODE; END $$"  # a transaction
                        await self._run(connection, "a write", lock, table=table)

    async def watch(self, url: str, until: asyncio.Event) -> None:
        """Look how long the others have been waiting for a lock."""
        connection = await asyncpg.connect(url)
        while not until.is_set():
            self.longest_wait = max(self.longest_wait, await connection.fetchval(WAITING))
            await asyncio.sleep(0.005)
        await connection.close()

    async def _run(
        self, connection: asyncpg.Connection, kind: str, statement: str, *arguments: object, table: str = ""
    ) -> object:
        started = time.perf_counter()
        try:
            return await connection.fetchval(statement, *arguments)
        except asyncpg.LockNotAvailableError:
            self.refused.append(f"{kind} to {table}" if table else kind)
            return None
        finally:
            self.statements += 1
            self.slowest[kind] = max(self.slowest[kind], time.perf_counter() - started)

    def figures(self) -> str:
        """Return what was measured, in words."""
        slowest = ", ".join(f"{kind} {1000 * seconds:.0f} ms" for kind, seconds in self.slowest.items())
        return f"longest wait for a lock {1000 * self.longest_wait:.0f} ms; slowest {slowest}"


@dataclass(frozen=True, slots=True)
class Step:
    """A migration, with its indexes and rows, and the shop meanwhile; without a name: the shop alone."""

    name: str
    seconds: float
    shop: Shop


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    settings = {"application_name": "shop", "lock_timeout": str(LOCK_MILLISECONDS)}
    connection = await asyncpg.connect(url, server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


async def selling(url: str, work: asyncio.Future[object] | asyncio.Task[object]) -> Shop:
    """Sell until the work is done."""
    shop, done = Shop(), asyncio.Event()
    parts = (shop.sell, shop.sell, shop.take_events, shop.write_everywhere, shop.watch)
    tasks = [asyncio.create_task(part(url, done)) for part in parts]
    try:
        await work
    finally:
        done.set()
        await asyncio.gather(*tasks)
    return shop


async def fill(url: str, version: int, orders: int) -> None:
    """Create the schema of the version, with so many orders."""
    connection = await asyncpg.connect(url)
    await connection.execute(VERSIONS)
    for migration in all_migrations():
        if migration.version <= version:
            for statement in (migration.statements, *migration.indexes):
                await connection.execute(statement)
            await connection.execute(RECORD, migration.version, migration.name, migration.oldest_code)
    await ensure_partitions(connection)
    if version >= RICH:
        for name, size in (("orders", orders), ("events", 3 * orders), ("payloads", orders // 5)):
            await connection.execute(f"SET fill.{name} = '{size}'")
        await connection.execute("SET maintenance_work_mem = '512MB'")
        script = _FILL_RICH.read_text("utf-8")
        for table, since in LATER.items():
            if version < since:
                script, found = re.subn(rf"INSERT INTO {table} .*?;\n", "", script, flags=re.DOTALL)
                assert found == 1, f"{found} statements fill {table}"
        await connection.execute(script, timeout=_FILL_SECONDS)
    else:
        await connection.execute(FILL, orders)
        await connection.execute(CHANGES)
    await connection.execute("VACUUM ANALYZE", timeout=_FILL_SECONDS)
    await connection.close()


async def measure(orders: int, version: int) -> list[Step]:
    """Fill a database at the version, and migrate it step by step in use. The first step is the shop alone."""
    state = make_state_dir()
    server = EmbeddedPostgres(state, settings={"max_wal_size": "4GB"})
    await server.start()
    try:
        url = server.url()
        await fill(url, version, orders)
        quiet = await selling(url, asyncio.ensure_future(asyncio.sleep(_QUIET_SECONDS)))
        steps = [Step("", _QUIET_SECONDS, quiet)]
        for migration in all_migrations():
            if migration.version > version:
                started = time.perf_counter()
                shop = await selling(url, asyncio.ensure_future(_apply(url, migration)))
                name = f"{migration.version:04} {migration.name}"
                steps.append(Step(name, time.perf_counter() - started, shop))
        return steps
    finally:
        await server.stop()
        shutil.rmtree(state, ignore_errors=True)


async def _apply(url: str, migration: Migration) -> None:
    """Migrate up to this migration, and finish its indexes and rows."""
    everything = migrations.all_migrations
    known = tuple(one for one in everything() if one.version <= migration.version)
    migrations.all_migrations = lambda: known  # type: ignore[assignment]
    try:
        await migrate(url)
    finally:
        migrations.all_migrations = everything
    await finish(url)


async def main(orders: int, version: int) -> bool:
    """Measure and print. Return whether nothing waited too long."""
    steps = await measure(orders, version)
    print(f"{orders} orders from schema {version} to {all_migrations()[-1].version}")
    for step in steps:
        print(f"{step.name or 'without a migration'}: {step.seconds:.1f} s, {step.shop.figures()}")
        for kind in sorted(set(step.shop.refused)):
            print(f"    {step.shop.refused.count(kind)} x waited {LOCK_MILLISECONDS} ms for a lock: {kind}")
    passed = not any(step.shop.refused for step in steps)
    print("ok" if passed else "OVER BUDGET")
    return passed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--from-version", type=int, default=8)
    given = parser.parse_args()
    sys.exit(not asyncio.run(main(given.orders, given.from_version)))
