"""Quotes from the catalog, and redemption limits under concurrent orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.catalog.cart import Cart, CartLine, Product
from checkout_daemon.catalog.discount_store import upsert_discounts
from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.catalog.pricing import Discount, Quote
from checkout_daemon.catalog.product_store import upsert_products
from checkout_daemon.catalog.quotes import price_for_order, quote
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import InvalidRequest

PEN = Product("PEN", "Pen", "It writes.", None, 1000, "eur", True)
LAMP = Product("LAMP", "Lamp", "", None, 8900, "eur", False)
TEN = Discount("TEN", Decimal(10), None, None, 0, None, None, None)
LIMITED = replace(TEN, code="LIMITED", redemption_limit=3)
CART = Cart((CartLine("PEN", 2),))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=10)
    async with database.transaction() as connection:
        await upsert_products(connection, [PEN, LAMP])
        await upsert_discounts(connection, [TEN, LIMITED])
    yield database
    await database.close()


@pytest.fixture
async def watcher(database_url: str) -> AsyncIterator[Database]:
    """A separate pool, to observe while the connections of the other one wait."""
    watcher = Database(database_url, max_size=1)
    yield watcher
    await watcher.close()


async def order(connection: asyncpg.Connection, code: str) -> None:
    """Price and write an order in one transaction, as the checkout does."""
    await insert(connection, await price(connection, CART, code))


KEYS = count(1)  # of customers who do not wait for one another


async def price(connection: asyncpg.Connection, cart: Cart, code: str | None) -> Quote:
    return await price_for_order(connection, cart, code, currency="eur", livemode=False, lock_key=next(KEYS))


async def insert(connection: asyncpg.Connection, priced: Quote) -> None:
    order_id = uuid4()
    await connection.execute(
        """INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name,
                               customer_email, customer_phone, discount_code, livemode)
           VALUES ($1, $2, $3, $4, $5, 'Ada', 'ada@example.com', '+15555550123', $6, false)""",
        order_id,
        priced.currency,
        priced.amount_subtotal,
        priced.amount_discount,
        priced.amount_total,
        priced.discount_code,
    )
    await connection.execute(
        "INSERT INTO checkout_sessions (id, livemode, order_id, status, outcome)"
        " VALUES ($1, false, $2, 'open', 'unpaid')",
        f"cs_{order_id}",
        order_id,
    )


async def order_once(database: Database, code: str) -> str | None:
    """Order in a transaction, and return None or the code of the fault."""
    try:
        async with database.transaction() as connection:
            await order(connection, code)
    except InvalidRequest as error:
        return error.errors[0].code
    return None


async def set_statuses(database: Database, status: str) -> None:
    async with database.connection() as connection:
        await connection.execute("UPDATE orders SET status = $1", status)


async def faults(database: Database, cart: Cart, code: str | None) -> Sequence[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        await quote(database, CatalogMemory(database), cart, code, currency="eur", livemode=False)
    async with database.transaction() as connection:
        with pytest.raises(InvalidRequest) as caught_in_order:
            await price(connection, cart, code)
    assert caught_in_order.value.errors == caught.value.errors
    return [(error.pointer, error.code) for error in caught.value.errors]


async def test_a_quote_has_the_prices_of_the_catalog(database: Database) -> None:
    priced = await quote(database, CatalogMemory(database), CART, " ten ", currency="eur", livemode=False)
    assert (priced.amount_subtotal, priced.amount_discount, priced.amount_total) == (2000, 200, 1800)
    assert (priced.discount_code, [line.name for line in priced.lines]) == ("TEN", ["Pen"])


async def test_an_order_is_priced_as_it_was_quoted(database: Database) -> None:
    quoted = await quote(database, CatalogMemory(database), CART, "LIMITED", currency="eur", livemode=False)
    async with database.transaction() as connection:
        assert await price(connection, CART, "LIMITED") == quoted


@pytest.mark.parametrize("code", ["GONE", "a b", "\x00", "\ud800", "X" * 65, "' OR 1=1 --"])
async def test_an_unknown_code_is_refused(database: Database, code: str) -> None:
    assert await faults(database, CART, code) == [("/discount_code", "discount_unknown")]


async def test_products_and_code_are_refused_together(database: Database) -> None:
    cart = Cart((CartLine("LAMP", 1), CartLine("GONE", 1)))
    assert await faults(database, cart, "GONE") == [
        ("/items/0/sku", "unavailable_sku"),
        ("/items/1/sku", "unknown_sku"),
        ("/discount_code", "discount_unknown"),
    ]


async def test_a_used_up_code_is_refused(database: Database) -> None:
    assert [await order_once(database, "LIMITED") for _ in range(4)] == [None, None, None, "discount_exhausted"]
    assert await faults(database, CART, "LIMITED") == [("/discount_code", "discount_exhausted")]


@pytest.mark.parametrize("status", ["failed", "expired", "canceled"])
async def test_an_order_given_up_gives_its_redemption_back(database: Database, status: str) -> None:
    assert [await order_once(database, "LIMITED") for _ in range(3)] == [None] * 3
    await set_statuses(database, status)
    assert await order_once(database, "LIMITED") is None


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "refunded", "disputed"])
async def test_any_other_order_keeps_its_redemption(database: Database, status: str) -> None:
    assert [await order_once(database, "LIMITED") for _ in range(3)] == [None] * 3
    await set_statuses(database, status)
    assert await order_once(database, "LIMITED") == "discount_exhausted"


async def test_a_code_past_its_end_is_refused(database: Database) -> None:
    past = replace(TEN, code="PAST", ends_at=datetime.now(UTC) - timedelta(seconds=1))
    async with database.connection() as connection:
        await upsert_discounts(connection, [past])
    assert await faults(database, CART, "PAST") == [("/discount_code", "discount_expired")]


async def test_of_ten_orders_at_once_only_as_many_as_the_limit_get_the_discount(
    database: Database, watcher: Database
) -> None:
    answered = 0

    async def order_in_a_crowd() -> str | None:
        nonlocal answered
        try:
            async with database.transaction() as connection:
                try:
                    priced = await price(connection, CART, "LIMITED")
                finally:
                    answered += 1
                # Every order that can be priced concurrently has been, before this one is written.
                async with asyncio.timeout(20):
                    while answered + await count_waiting(watcher) < 10:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                await insert(connection, priced)
        except InvalidRequest as error:
            return error.errors[0].code
        return None

    answers = await asyncio.gather(*(order_in_a_crowd() for _ in range(10)))
    assert sorted(answers, key=str) == [None] * 3 + ["discount_exhausted"] * 7
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM orders") == 3


async def count_waiting(watcher: Database) -> int:
    async with watcher.connection() as connection:
        waiting: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    return waiting


async def test_orders_with_a_code_without_a_limit_do_not_wait_for_one_another(database: Database) -> None:
    async with database.transaction() as connection, database.transaction() as other, asyncio.timeout(10):
        await order(connection, "TEN")
        await order(other, "TEN")


async def test_an_order_that_is_not_made_takes_no_redemption(database: Database) -> None:
    async with database.connection() as connection:
        for _ in range(5):
            transaction = connection.transaction()
            await transaction.start()
            await order(connection, "LIMITED")
            await transaction.rollback()
    assert await order_once(database, "LIMITED") is None
