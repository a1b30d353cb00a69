"""A range that depends on the time moves with it: orders leave and enter the list, and `*` marks what is in it now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.orders.order_filter import Condition, OrderFilter
from tests.support.orders import add_order
from tests.tui.conftest import Sit
from tui.filters import Choice
from tui.screens import orders_range
from tui.screens.orders import OrdersScreen

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MIDNIGHT = NOON + 12 * HOUR
WORDS = (Condition("email", ("ada*",)),)


@pytest.mark.parametrize(
    ("choice", "since", "until"),
    [
        (Choice(span="1h"), MIDNIGHT - HOUR, None),
        (Choice(span="today"), MIDNIGHT, None),
        (Choice(span="48h..24h"), MIDNIGHT - 48 * HOUR, MIDNIGHT - 24 * HOUR),
        (Choice(search="ada since:1h"), MIDNIGHT - HOUR, None),
        (Choice(span="7d", search="since:24h"), MIDNIGHT - 24 * HOUR, None),
        (Choice(span="2026-11-24..2026-11-25"), MIDNIGHT - 48 * HOUR, MIDNIGHT),
        (Choice(search="ada"), None, None),
        (Choice(), None, None),
    ],
)
def test_a_filter_has_the_range_of_the_moment(choice: Choice, since: datetime | None, until: datetime | None) -> None:
    wanted = replace(choice.filter("UTC", NOON), conditions=WORDS)
    assert choice.as_of(MIDNIGHT, wanted, "UTC") == replace(wanted, since=since, until=until)


def test_no_order_fits_a_range_that_is_empty_by_now() -> None:
    choice = Choice(search="since:24h until:2026-11-25")
    wanted = OrderFilter(since=NOON - 24 * HOUR, until=NOON - 12 * HOUR)
    assert choice.as_of(NOON, wanted, "UTC") == wanted
    assert choice.as_of(MIDNIGHT, wanted, "UTC").conditions == (Condition("ids"),)


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> None:
    """1001 to 1003, made twenty hours ago, an hour ago, and now."""
    now = datetime.now(UTC)
    for ago in (20 * HOUR, HOUR, timedelta()):
        await add_order(connection, created_at=now - ago)


def pass_time(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    monkeypatch.setattr(orders_range, "_now", lambda: datetime.now(UTC) + hours * HOUR)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("keys", [["t", *"24h"], ["slash", *"since:24h"]], ids=["range", "filter"])
async def test_orders_leave_a_range_and_the_cursor_stays_on_its_order(
    sit: Sit, monkeypatch: pytest.MonkeyPatch, keys: list[str]
) -> None:
    async with sit() as seat:
        screen = seat.screen(OrdersScreen)
        await seat.press(*keys, "enter")
        await seat.until(lambda: screen.wanted.since is not None and seat.numbers() == [1003, 1002, 1001])
        await seat.press("down")
        await seat.sees("$ checkout orders show 1002")
        pass_time(monkeypatch, 12)
        await seat.until(lambda: seat.numbers() == [1003, 1002])
        assert screen.table.cursor_row is not None
        assert screen.table.cursor_row.row.order.number == 1002
        pass_time(monkeypatch, 48)
        await seat.sees("No order matches.")


@pytest.mark.usefixtures("shop")
async def test_orders_enter_a_range_that_ends_before_now(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sit() as seat:
        screen = seat.screen(OrdersScreen)
        await seat.press("t", *"48h..24h", "enter")
        await seat.until(lambda: screen.wanted.until is not None and not seat.numbers())
        pass_time(monkeypatch, 12)
        await seat.until(lambda: seat.numbers() == [1001])


@pytest.mark.usefixtures("shop")
async def test_a_star_marks_what_is_in_the_range_now(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sit() as seat:
        screen = seat.screen(OrdersScreen)
        await seat.press("t", *"24h", "enter")
        await seat.until(lambda: screen.wanted.since is not None and seat.numbers() == [1003, 1002, 1001])
        monkeypatch.setattr(orders_range, "_minute", lambda: screen._moved_in)  # no minute passes
        pass_time(monkeypatch, 12)
        await seat.press("*")
        await seat.sees("2 marked")
        assert {order.number for order in screen.marked.values()} == {1002, 1003}
        assert seat.numbers() == [1003, 1002]
