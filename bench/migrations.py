"""Measure how long migrating a database of a million orders makes shoppers wait.

Fills a database at an older schema, and migrates it while orders are created and changed, as by daemons of the older
release. The gate is lock_timeout: none of their statements may wait 100 ms for a lock. Also reports the slowest
statement with and without the migration.

    .venv/bin/python -m bench.migrations [--orders 1000000] [--from-version 8]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from dataclasses import dataclass, field

import asyncpg

from bench.support.cluster import make_state_dir
from checkout_daemon.database.migrations import all_migrations, code_version, migrate, read_state
from checkout_daemon.database.schema_backfills import finish
from checkout_daemon.dev.postgres import EmbeddedPostgres

LOCK_MILLISECONDS = 100
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
EVENTS = """
INSERT INTO stripe_events (id, type, livemode, received_at, body_hash, status, reason)
SELECT 'evt_' || n, 'customer.created', false, now() - n * interval '1 second', '\\x00', 'ignored', 'unhandled_type'
FROM generate_series(1, $1::integer) AS n
"""
MAKE = (
    f"{COLUMNS} VALUES (gen_random_uuid(), 'eur', 1, 0, 1, 'New', 'new@example.com', '+1', false, now()) RETURNING id"
)
CHANGE = "UPDATE orders SET updated_at = now() WHERE id = $1"
TELL = "INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES ($1, 'pending', 'c', 'a')"


@dataclass(slots=True)
class Shop:
    """A daemon of the older release: its `slowest` statement in seconds, and those `refused` because of a lock."""

    statements: int = 0
    slowest: float = 0.0
    refused: list[str] = field(default_factory=list)

    async def sell(self, url: str, until: asyncio.Event) -> None:
        """Create and change orders until the event is set."""
        connection = await asyncpg.connect(url)
        await connection.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")
        while not until.is_set():
            order_id = await self._run(connection, MAKE)
            if order_id is not None:
                await self._run(connection, CHANGE, order_id)
                await self._run(connection, TELL, order_id)
        await connection.close()

    async def _run(self, connection: asyncpg.Connection, statement: str, *arguments: object) -> object:
        started = time.perf_counter()
        try:
            return await connection.fetchval(statement, *arguments)
        except asyncpg.LockNotAvailableError:
            self.refused.append(statement.split(" (")[0])
            return None
        finally:
            self.statements += 1
            self.slowest = max(self.slowest, time.perf_counter() - started)


async def selling(url: str, work: asyncio.Future[object] | asyncio.Task[object]) -> Shop:
    """Sell until the work is done."""
    shop, done = Shop(), asyncio.Event()
    shops = [asyncio.create_task(shop.sell(url, done)) for _ in range(2)]
    try:
        await work
    finally:
        done.set()
        await asyncio.gather(*shops)
    return shop


async def fill(url: str, version: int, orders: int) -> None:
    """Create the schema of the version, with so many orders and events."""
    connection = await asyncpg.connect(url)
    await connection.execute(VERSIONS)
    for migration in all_migrations():
        if migration.version <= version:
            for statement in (migration.statements, *migration.indexes):
                await connection.execute(statement)
            await connection.execute(RECORD, migration.version, migration.name, migration.oldest_code)
    await connection.execute(FILL, orders)
    await connection.execute(CHANGES)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def bring_up_to_date(url: str) -> None:
    """Migrate, and finish the backfills of the migrations."""
    await migrate(url)
    await finish(url)


async def main(orders: int, version: int) -> bool:
    """Measure and print. Return whether nothing waited too long and the schema is current."""
    state = make_state_dir()
    server = EmbeddedPostgres(state)
    await server.start()
    try:
        url = server.url()
        await fill(url, version, orders)
        quiet = await selling(url, asyncio.ensure_future(asyncio.sleep(10)))
        started = time.perf_counter()
        busy = await selling(url, asyncio.ensure_future(bring_up_to_date(url)))
        seconds = time.perf_counter() - started
        connection = await asyncpg.connect(url)
        state_after = await read_state(connection)
        missing = await connection.fetchval(
            "SELECT count(*) FROM orders WHERE NOT EXISTS (SELECT FROM order_texts WHERE order_id = orders.id)"
        )
        await connection.close()
    finally:
        await server.stop()
        shutil.rmtree(state, ignore_errors=True)
    print(f"{orders} orders from schema {version} to {state_after.version} in {seconds:.1f} s, {missing} without text")
    for name, shop in (("without", quiet), ("with", busy)):
        print(f"slowest of {shop.statements} statements {name} it: {shop.slowest * 1000:.0f} ms")
    for statement in sorted(set(busy.refused)):
        print(f"{busy.refused.count(statement)} x waited {LOCK_MILLISECONDS} ms for a lock: {statement}")
    print("ok" if not busy.refused else "OVER BUDGET")
    return not busy.refused and not missing and state_after.version == code_version()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--from-version", type=int, default=8)
    given = parser.parse_args()
    sys.exit(not asyncio.run(main(given.orders, given.from_version)))
