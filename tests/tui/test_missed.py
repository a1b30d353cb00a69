"""No order stays unseen: whatever commits, fails or is replaced while the list is being read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.order_states import CHANNEL
from checkout_daemon.orders.sorted_orders import OrderList
from tests.support.orders import add_order
from tests.tui.conftest import Seat, Sit
from tui.screens.orders import OrdersScreen


@dataclass
class Gate:
    """Stops what has read a page of orders until it is opened, or makes the next reads fail."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    read: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0

    def __post_init__(self) -> None:
        self.open.set()

    def fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise DatabaseUnavailable("no connection was free in time")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate, page, rows = Gate(), OrderList.page, OrderList.rows

    async def held_page(orders: OrderList, after: Any, limit: int) -> Sequence[Any]:
        gate.fail()
        found = await page(orders, after, limit)
        gate.read.set()
        await gate.open.wait()
        return found

    async def failing_rows(orders: OrderList, order_ids: Any) -> Sequence[Any]:
        gate.fail()
        return await rows(orders, order_ids)

    monkeypatch.setattr(OrderList, "page", held_page)
    monkeypatch.setattr(OrderList, "rows", failing_rows)
    return gate


async def create(connection: asyncpg.Connection, number: int) -> None:
    """Create an order with its change, as a checkout does."""
    order_id = await add_order(connection, number=number)
    await connection.execute(
        "INSERT INTO order_changes (order_id, to_status, cause, actor)"
        " VALUES ($1, 'pending', 'order.created', 'shopper')",
        order_id,
    )


async def announce(connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT pg_notify($1, '')", CHANNEL)


async def test_orders_that_commit_in_another_sequence_than_their_changes_are_all_shown(
    sit: Sit, database_url: str, connection: asyncpg.Connection
) -> None:
    others = [await asyncpg.connect(database_url) for _ in range(6)]
    try:
        async with sit() as seat:
            transactions = [other.transaction() for other in others]
            for number, (other, transaction) in enumerate(zip(others, transactions, strict=True), 1001):
                await transaction.start()
                await create(other, number)
            # The change with the greatest number is seen first, that with the least last, each after an announcement.
            for seen, transaction in enumerate(reversed(transactions), 1):
                await transaction.commit()
                await announce(connection)
                await seat.until(lambda seen=seen: len(seat.numbers()) == seen)  # type: ignore[misc]
            assert sorted(seat.numbers()) == [1001, 1002, 1003, 1004, 1005, 1006]
    finally:
        for other in others:
            await other.close()


async def test_an_order_that_commits_while_another_list_is_read_is_in_it(
    sit: Sit, connection: asyncpg.Connection, gate: Gate
) -> None:
    async with sit() as seat:
        screen = seat.screen(OrdersScreen)
        gate.open.clear()
        gate.read.clear()
        await seat.press("greater_than_sign")  # another sort: another list
        async with asyncio.timeout(30):
            await gate.read.wait()
        await create(connection, 1001)
        await announce(connection)
        await seat.until(lambda: screen._meanwhile is not None and len(screen._meanwhile) == 1)
        gate.open.set()
        await seat.until(lambda: seat.numbers() == [1001])


async def test_a_read_that_fails_is_done_again_although_the_database_was_never_lost(
    sit: Sit, connection: asyncpg.Connection, gate: Gate
) -> None:
    gate.failures = 2
    await create(connection, 1001)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        gate.failures = 2
        await create(connection, 1002)
        await announce(connection)
        await seat.until(lambda: seat.numbers() == [1002, 1001])
        assert seat.app.app_context.lost_at is None


async def test_a_list_that_could_not_be_read_is_not_replaced_by_the_one_before(
    sit: Sit, connection: asyncpg.Connection, gate: Gate
) -> None:
    for number in (1001, 1002):
        await create(connection, number)
    await connection.execute("UPDATE orders SET attention = '[\"paid_twice\"]' WHERE number = 1001")
    async with sit() as seat:
        gate.failures = 1
        await seat.press("a")
        await seat.until(lambda: seat.numbers() == [1001])
        assert not gate.failures


async def test_what_changes_while_a_screen_is_being_built_is_handled_once_it_is(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloaded: list[OrdersScreen] = []

    async def reload(screen: OrdersScreen) -> None:
        reloaded.append(screen)

    async with sit() as seat:
        monkeypatch.setattr(OrdersScreen, "reload", reload)
        screen = seat.screen(OrdersScreen)
        monkeypatch.setattr(screen, "_is_mounted", False)
        seat.app._reload()
        await settled(seat)
        assert reloaded == [screen]


async def settled(seat: Seat) -> None:
    for _ in range(3):
        await seat.pilot.pause()
