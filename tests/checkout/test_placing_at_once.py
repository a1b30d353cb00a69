"""A new order takes two statements: one that places it, one that records its session. What changes meanwhile counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.catalog.pricing import PriceChanged
from checkout_daemon.checkout.placing import start_checkout
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import IdempotencyConflict, InvalidRequest
from checkout_daemon.ledger.order_states import CHANNEL
from checkout_daemon.model.customer import Customer
from checkout_daemon.orders.second_orders import lock_key
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.shopping import SESSIONS, a_request, count_rows

CHANGES = {
    "price": "UPDATE products SET unit_amount = unit_amount + 1 WHERE sku = 'NOTE'",
    "name": "UPDATE products SET name = 'Another' WHERE sku = 'NOTE'",
    "description": "UPDATE products SET description = 'Another' WHERE sku = 'NOTE'",
}
GONE = {
    "unavailable": "UPDATE products SET available = false WHERE sku = 'NOTE'",
    "of another currency": "UPDATE products SET currency = 'usd' WHERE sku = 'NOTE'",
    "deleted": "DELETE FROM products WHERE sku = 'NOTE'",
}


@asynccontextmanager
async def held_up(connection: asyncpg.Connection, url: str) -> AsyncIterator[asyncpg.Connection]:
    """Let the placing of orders wait, after their carts were priced, until the block ends."""
    request = a_request()
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", lock_key(request.customer, request.cart))
        editor = await asyncpg.connect(url)
        yield editor
        await editor.close()


async def until_waiting(connection: asyncpg.Connection, count: int = 1) -> None:
    async with asyncio.timeout(30):
        while await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_product_that_changes_while_its_order_is_placed_is_sold_as_it_is_now(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str, change: str
) -> None:
    async with held_up(connection, database_url) as editor:
        task = asyncio.create_task(start_checkout(runtime, a_request(), idempotency_key=None))
        await until_waiting(editor)
        await editor.execute(CHANGES[change])
    answer = await task
    assert answer.amount_total == (3401 if change == "price" else 3399)
    sold = "name, description, unit_amount"
    line = await connection.fetchrow(f"SELECT {sold} FROM order_items WHERE sku = 'NOTE'")
    assert line == await connection.fetchrow(f"SELECT {sold} FROM products WHERE sku = 'NOTE'")


async def test_a_price_that_rises_while_the_order_is_placed_is_not_charged_unseen(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str
) -> None:
    async with held_up(connection, database_url) as editor:
        task = asyncio.create_task(start_checkout(runtime, a_request(expected_total=3399), idempotency_key=None))
        await until_waiting(editor)
        await editor.execute(CHANGES["price"])
    with pytest.raises(PriceChanged) as caught:
        await task
    assert caught.value.quote.amount_total == 3401
    assert await count_rows(connection, "orders") == 0


@pytest.mark.parametrize("gone", GONE)
async def test_a_product_that_goes_while_its_order_is_placed_is_not_sold(
    runtime: Runtime, connection: asyncpg.Connection, database_url: str, gone: str
) -> None:
    async with held_up(connection, database_url) as editor:
        task = asyncio.create_task(start_checkout(runtime, a_request(), idempotency_key=None))
        await until_waiting(editor)
        await editor.execute(GONE[gone])
    with pytest.raises(InvalidRequest):
        await task
    assert await count_rows(connection, "orders") == 0


@pytest.mark.parametrize("change", {**CHANGES, **GONE}.values())
async def test_a_key_leads_to_its_order_whatever_became_of_the_products(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, change: str
) -> None:
    once = await start_checkout(runtime, a_request(), idempotency_key="key")
    await connection.execute(change)
    again = await start_checkout(runtime, a_request(), idempotency_key="key")
    assert (again.created, again.order_id, again.url) == (False, once.order_id, once.url)
    with pytest.raises(IdempotencyConflict):
        await start_checkout(runtime, a_request(request_hash=b"other"), idempotency_key="key")


async def test_a_catalog_that_is_held_too_long_neither_prices_nor_refuses(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    catalog = CatalogMemory(runtime.database)
    await connection.execute(GONE["unavailable"])
    await catalog.read()
    await connection.execute("UPDATE products SET available = true, unit_amount = unit_amount + 1 WHERE sku = 'NOTE'")
    answer = await start_checkout(runtime, a_request(), idempotency_key=None, catalog=catalog)
    assert answer.amount_total == 3401
    await connection.execute(CHANGES["price"])
    answer = await start_checkout(runtime, a_request(insist=True), idempotency_key=None, catalog=catalog)
    assert answer.amount_total == 3403


async def test_a_key_leads_to_its_order_once_the_discount_is_used_up(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    request = a_request(discount_code="TEN")
    once = await start_checkout(runtime, request, idempotency_key="key")
    await connection.execute("UPDATE discounts SET redemption_limit = 1 WHERE code = 'TEN'")
    again = await start_checkout(runtime, request, idempotency_key="key")
    assert (again.created, again.order_id, again.url) == (False, once.order_id, once.url)


@pytest.mark.usefixtures("connection")
async def test_a_checkout_takes_one_statement_before_and_one_after_stripes_call(
    runtime: Runtime, database_url: str
) -> None:
    """Each statement is a round trip, and these are most of what a checkout costs."""
    database = Database(database_url, max_size=1)  # so that all statements take the connection that is listened to
    runtime = replace(runtime, database=database)
    catalog = CatalogMemory(database)
    await start_checkout(runtime, a_request(), idempotency_key="warm", catalog=catalog)  # opens the connection
    statements: list[str] = []
    # One for all requests of a moment, and one for a connection whose plans are due.
    shared = (sql("notify"), sql("read_catalog_state"), "DISCARD PLANS")

    def log(record: Any) -> None:
        if record.query not in shared:
            statements.append(record.query)

    async with runtime.database.connection() as used:
        used.add_query_logger(log)
    await start_checkout(runtime, a_request(insist=True), idempotency_key="key", catalog=catalog)
    await database.close()
    placing, recording = statements
    assert "place_order" in placing
    assert "record_only_session" in recording


async def test_a_new_order_is_announced(runtime: Runtime, connection: asyncpg.Connection) -> None:
    heard = asyncio.Event()
    await connection.add_listener(CHANNEL, lambda *_: heard.set())
    await start_checkout(runtime, a_request(), idempotency_key=None)
    async with asyncio.timeout(30):
        await heard.wait()
    assert await count_rows(connection, "order_changes") == 1


async def test_while_stripe_is_asked_no_connection_is_held(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    """Three times as many checkouts as the pool has connections wait for Stripe at the same time."""
    count = 30
    everyone = asyncio.Barrier(count)

    async def wait(request: Request) -> None:
        if request.path == SESSIONS:
            await everyone.wait()

    stripe.before_answer = wait
    async with asyncio.timeout(60):
        requests = [a_request(insist=True, customer=Customer("Ada", f"{n}@example.com", "+49")) for n in range(count)]
        answers = await asyncio.gather(
            *(start_checkout(runtime, request, idempotency_key=None) for request in requests)
        )
    assert len({answer.session_id for answer in answers}) == count
    assert runtime.database.usage()[0] <= 10
