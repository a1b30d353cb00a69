"""Discounts in the database, and how often each is in use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest

from checkout_daemon.catalog.discount_store import (
    count_redemptions,
    find_discount,
    list_discounts,
    lock_discount,
    lock_discount_of_order,
    redemptions_of_others,
    upsert_discounts,
)
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.database.queries import sql
from checkout_daemon.model.orders import OrderStatus

START = datetime(2025, 6, 1, tzinfo=UTC)
END = datetime(2025, 9, 1, 12, 30, 0, 123456, tzinfo=UTC)
SUMMER = Discount("SUMMER", Decimal("12.5"), None, None, 0, START, END, 3)
FIVE_OFF = Discount("FIVE-OFF", None, 500, "eur", 2000, None, None, None)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection: asyncpg.Connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def insert_order(connection: asyncpg.Connection, code: str, status: OrderStatus, session: str = "open") -> UUID:
    order_id = uuid4()
    await connection.execute(
        """INSERT INTO orders (id, status, currency, amount_subtotal, amount_discount, amount_total, customer_name,
                               customer_email, customer_phone, discount_code, livemode)
           VALUES ($1, $2, 'eur', 1000, 100, 900, 'Ada', 'ada@example.com', '+15555550123', $3, false)""",
        order_id,
        status.value,
        code,
    )
    await connection.execute(
        "INSERT INTO checkout_sessions (id, livemode, order_id, status, outcome) VALUES ($1, false, $2, $3, 'unpaid')",
        f"cs_{order_id}",
        order_id,
        session,
    )
    return order_id


async def test_discounts_come_back_as_they_were_stored(connection: asyncpg.Connection) -> None:
    await upsert_discounts(connection, [SUMMER, FIVE_OFF])
    assert await list_discounts(connection) == [FIVE_OFF, SUMMER]
    assert await find_discount(connection, "SUMMER") == SUMMER
    assert await find_discount(connection, "summer") is None


async def test_a_discount_stored_again_is_replaced(connection: asyncpg.Connection) -> None:
    await upsert_discounts(connection, [SUMMER])
    changed = replace(SUMMER, percent_off=None, amount_off=700, currency="eur", starts_at=None, redemption_limit=None)
    await upsert_discounts(connection, [changed])
    assert await list_discounts(connection) == [changed]


async def test_a_lock_returns_the_discount_and_its_redemptions(connection: asyncpg.Connection) -> None:
    await upsert_discounts(connection, [SUMMER, FIVE_OFF])
    await insert_order(connection, "SUMMER", OrderStatus.PENDING)
    await insert_order(connection, "FIVE-OFF", OrderStatus.PENDING)
    async with connection.transaction():
        assert await lock_discount(connection, "SUMMER", livemode=False) == (SUMMER, 1)
        assert await lock_discount(connection, "GONE", livemode=False) is None


@pytest.mark.parametrize("status", OrderStatus)
async def test_only_abandoned_orders_hold_no_redemption(connection: asyncpg.Connection, status: OrderStatus) -> None:
    abandoned = {OrderStatus.FAILED, OrderStatus.EXPIRED, OrderStatus.CANCELED}
    await insert_order(connection, "SUMMER", status)
    assert await count_redemptions(connection, "SUMMER", livemode=False) == (0 if status in abandoned else 1)
    assert await count_redemptions(connection, "SUMMER", livemode=True) == 0


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.FAILED, OrderStatus.EXPIRED])
@pytest.mark.parametrize(
    ("attempt", "held"),
    [
        ("now(), NULL, NULL, '{}'", True),  # Stripe keeps its session open for 24 hours
        ("now() - interval '24 hours', NULL, NULL, '{}'", False),
        ("now(), NULL, NULL, json_build_object('session', json_build_object('expires_at', 4000000000))", True),
        ("now(), NULL, NULL, json_build_object('session', json_build_object('expires_at', 1700000000))", False),
        ("now(), NULL, now(), '{}'", False),
        ("now(), 'cs_2', NULL, '{}'", False),
    ],
)
async def test_an_attempt_holds_a_redemption_while_stripe_may_have_made_its_session(
    connection: asyncpg.Connection, status: OrderStatus, attempt: str, held: bool
) -> None:
    order_id = await insert_order(connection, "SUMMER", status, "expired")
    await connection.execute(
        "INSERT INTO session_attempts (order_id, attempt, started_at, session_id, rejected_at, parameters)"
        f" VALUES ($1, 1, {attempt})",
        order_id,
    )
    assert await redemptions_of_others(connection, "SUMMER", str(order_id), livemode=False) == (0, held)
    assert await redemptions_of_others(connection, "SUMMER", str(uuid4()), livemode=False) == (int(held), False)
    await connection.execute("INSERT INTO doubtful_attempts (order_id, attempt) VALUES ($1, 1)", order_id)
    doubtful = held or "now(), NULL, now()" in attempt
    assert await count_redemptions(connection, "SUMMER", livemode=False) == int(doubtful)


async def test_only_a_discount_with_a_limit_is_locked_for_its_order(connection: asyncpg.Connection) -> None:
    await upsert_discounts(connection, [SUMMER, FIVE_OFF])
    limited = await insert_order(connection, "SUMMER", OrderStatus.PENDING)
    unlimited = await insert_order(connection, "FIVE-OFF", OrderStatus.PENDING)
    assert await lock_discount_of_order(connection, str(limited)) == SUMMER
    assert await lock_discount_of_order(connection, str(unlimited)) is None
    assert await lock_discount_of_order(connection, str(uuid4())) is None


async def test_redemptions_are_counted_by_their_index(connection: asyncpg.Connection) -> None:
    await connection.execute("SET enable_seqscan = off")
    plan = await connection.fetch("EXPLAIN " + sql("count_redemptions"), "SUMMER", False, None)
    assert "orders_redeeming" in "\n".join(row[0] for row in plan)


async def test_a_lock_that_waited_counts_the_order_that_it_waited_for(
    connection: asyncpg.Connection, database_url: str
) -> None:
    await upsert_discounts(connection, [SUMMER])
    other: asyncpg.Connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await lock_discount(connection, "SUMMER", livemode=False)
            await insert_order(connection, "SUMMER", OrderStatus.PENDING)
            waiting = asyncio.create_task(lock_in_transaction(other, "SUMMER"))
            await until_it_waits(connection, other.get_server_pid())
        assert await waiting == (SUMMER, 1)
    finally:
        await other.close()


async def lock_in_transaction(connection: asyncpg.Connection, code: str) -> tuple[Discount, int] | None:
    async with connection.transaction():
        return await lock_discount(connection, code, livemode=False)


async def until_it_waits(connection: asyncpg.Connection, pid: int) -> None:
    async with asyncio.timeout(30):
        while not await connection.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
