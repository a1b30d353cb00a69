"""No order stays unseen: whatever commits, fails or is replaced while the list is being read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.ledger.order_states import CHANNEL
from checkout_daemon.ledger.watching import follow_changes
from checkout_daemon.orders.sorted_orders import OrderList
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.support.fixtures import KEY
from tests.support.orders import add_order
from tests.tui.conftest import Seat, Sit
from tui.app import CONNECTIONS, Terminal
from tui.context import AppContext
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


async def create(connection: asyncpg.Connection) -> None:
    """Create an order with the next number, and its change, as a checkout does."""
    order_id = await add_order(connection)
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
            for other, transaction in zip(others, transactions, strict=True):
                await transaction.start()
                await create(other)
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
        await create(connection)
        await announce(connection)
        await seat.until(lambda: screen._meanwhile is not None and len(screen._meanwhile) == 1)
        gate.open.set()
        await seat.until(lambda: seat.numbers() == [1001])


async def test_a_read_that_fails_is_done_again_although_the_database_was_never_lost(
    sit: Sit, connection: asyncpg.Connection, gate: Gate
) -> None:
    gate.failures = 2
    await create(connection)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        gate.failures = 2
        await create(connection)
        await announce(connection)
        await seat.until(lambda: seat.numbers() == [1002, 1001])
        assert seat.app.app_context.lost_at is None


async def test_a_list_that_could_not_be_read_is_not_replaced_by_the_one_before(
    sit: Sit, connection: asyncpg.Connection, gate: Gate
) -> None:
    for _ in range(2):
        await create(connection)
    await connection.execute("UPDATE orders SET attention = '{paid_twice}' WHERE number = 1001")
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


async def test_a_first_connection_that_fails_is_tried_again_and_three_that_fail_end_the_terminal(
    sit: Sit, connection: asyncpg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failures = 2

    async def failing(*arguments: Any, **options: Any) -> AsyncGenerator[list[ChangeLine], None]:
        nonlocal failures
        if failures:
            failures -= 1
            raise DatabaseUnavailable("no answer in time")
        async with aclosing(follow_changes(*arguments, **options)) as batches:
            async for batch in batches:
                yield batch

    monkeypatch.setattr("tui.app.follow_changes", failing)
    monkeypatch.setattr("tui.app._TRY_AGAIN_SECONDS", 0.01)
    async with sit() as seat:
        assert (failures, seat.app.app_context.lost_at) == (0, None)
        await create(connection)
        await announce(connection)
        await seat.until(lambda: seat.numbers() == [1001])
    failures = 3
    settings = load_settings({"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY}, cwd=tmp_path)
    async with open_runtime(settings, pool_size=CONNECTIONS) as runtime:
        app = Terminal(AppContext(runtime, read_only=False), database_url)
        async with app.run_test() as pilot, asyncio.timeout(30):
            while app.return_value is None:
                await pilot.pause(0.01)
    assert isinstance(app.return_value, DatabaseUnavailable)
