"""The figures on top: today's, in the shop's time zone and the key's mode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.facts import RefundFact, RefundStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.orders.figures import begin_of_days, midnight, read_figures, read_trouble
from tests.support.orders import add_order
from tests.support.payments import paid
from tests.tui.conftest import Sit
from tui.widgets.plot import bars, resampled

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_day_begins_at_the_shop_s_midnight() -> None:
    assert midnight(NOON, "Europe/Vienna") == datetime(2026, 6, 30, 22, 0, tzinfo=UTC)
    assert midnight(NOON, "Asia/Kathmandu") == datetime(2026, 6, 30, 18, 15, tzinfo=UTC)


def test_the_day_begins_once_where_clocks_are_set_at_midnight() -> None:
    back_to_midnight = datetime(2026, 11, 1, 4, tzinfo=UTC)  # and again at 5
    for hour in range(4, 29):
        now = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour, minutes=30)
        assert midnight(now, "America/Havana") == back_to_midnight
    assert midnight(datetime(2026, 4, 24, 9, tzinfo=UTC), "Africa/Cairo") == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert midnight(datetime(2028, 2, 29, 9, tzinfo=UTC), "Europe/Vienna") == datetime(2028, 2, 28, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "begin"),
    [
        ("2026-11-10T22:30", "2026-10-11T22:00"),  # the clocks went back in between
        ("2026-04-09T22:30", "2026-03-11T23:00"),  # or forward
        ("2026-10-31T23:00", "2026-10-01T22:00"),  # until midnight: November has not begun
        ("2026-07-01T12:00", "2026-06-01T22:00"),
    ],
)
def test_thirty_days_are_days_of_the_calendar(end: str, begin: str) -> None:
    found = begin_of_days(30, datetime.fromisoformat(end).replace(tzinfo=UTC), "Europe/Vienna")
    assert found == datetime.fromisoformat(begin).replace(tzinfo=UTC)


async def test_revenue_is_what_was_paid_today_and_not_given_back(
    database_url: str, connection: asyncpg.Connection
) -> None:
    today: dict[str, Any] = {"created_at": NOON - HOUR, "paid_at": NOON - HOUR, "status": "completed"}
    await add_order(connection, **today)
    await add_order(connection, **today, amount_refunded=250)
    await add_order(connection, **today, currency="jpy", amount_subtotal=900, amount_total=900)
    await add_order(connection, **today, livemode=True)
    await add_order(connection, **today | {"paid_at": NOON - 15 * HOUR, "created_at": NOON - 15 * HOUR})
    await add_order(connection, created_at=NOON - HOUR)
    database = Database(database_url)
    figures = await read_figures(database, NOON, "Europe/Vienna", livemode=False)
    await database.close()
    assert {(line.currency, line.amount) for line in figures.revenue if line.at >= figures.today} == {
        ("eur", 2250),
        ("jpy", 900),
    }
    assert sum(line.amount for line in figures.revenue if line.currency == "eur") == 3500
    assert {(line.status, line.made, line.paid) for line in figures.days} == {("completed", 3, 3), ("pending", 1, 0)}


async def test_an_order_that_was_paid_twice_is_revenue_once(database_url: str, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection)
    database = Database(database_url)
    await database.run(merge, [paid(order_id, "pi_1", "pi_2", amount=1250)])
    seen = []
    for refund_id, payment_id, amount in (("re_1", "pi_2", 500), ("re_2", "pi_2", 750), ("re_3", "pi_1", 250)):
        refund = RefundFact(refund_id, False, payment_id, RefundStatus.SUCCEEDED, amount, "eur")
        await database.run(merge, [Update("refund.created", "stripe", subject_id=payment_id, facts=[refund])])
        figures = await read_figures(database, datetime(2026, 5, 1, 12, tzinfo=UTC), "UTC", livemode=False)
        seen.append([line.amount for line in figures.revenue])
    await database.close()
    assert seen == [[1250], [1250], [1000]]


async def test_what_is_wrong_is_counted(database_url: str, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection, attention=["paid_twice"])
    await connection.execute(
        "INSERT INTO checkout_sessions (id, livemode, order_id, status, outcome, expires_at)"
        " VALUES ('cs_1', false, $1, 'open', 'unpaid', $2), ('cs_2', false, $1, 'open', 'unpaid', $3)",
        order_id,
        NOON - HOUR,
        NOON + HOUR,
    )
    await add_order(connection, status="processing", created_at=NOON - 15 * 24 * HOUR)
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, created_at, body_hash) VALUES"
        " ('evt_1', 't', 'dead', $1, $1::timestamptz - interval '2 seconds', '')",
        NOON - HOUR,
    )
    database = Database(database_url)
    trouble = (await read_figures(database, NOON, "UTC", livemode=False)).trouble
    await database.close()
    assert (trouble.stuck, trouble.events_dead, trouble.messages_dead, trouble.lag_seconds) == (2, 1, 0, 2.0)


async def test_nothing_of_test_mode_is_an_alarm_under_a_live_key(
    database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection, attention=["paid_twice"])
    await add_order(connection, attention=["paid_twice"], livemode=True)
    await add_order(connection, status="processing", created_at=NOON - 15 * 24 * HOUR)
    await connection.execute(
        "INSERT INTO checkout_sessions (id, livemode, order_id, status, outcome, expires_at)"
        " VALUES ('cs_1', false, $1, 'open', 'unpaid', $2)",
        order_id,
        NOON - HOUR,
    )
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, livemode, received_at, body_hash) VALUES"
        " ('evt_1', 't', 'dead', false, now(), ''), ('evt_2', 't', 'dead', true, now(), ''),"
        " ('evt_3', 't', 'dead', NULL, now(), ''), ('evt_4', 't', 'failed', false, now(), '')"
    )
    await connection.execute(
        "INSERT INTO outbox (channel, kind, order_id, status) VALUES ('mail', 'order.completed', $1, 'dead')",
        order_id,
    )
    database = Database(database_url)
    now = datetime.now(UTC)
    async with database.connection() as opened:
        live = await read_trouble(opened, now, livemode=True)
        test = await read_trouble(opened, now, livemode=False)
    await database.close()
    assert (live.attention, live.stuck, live.events_failed, live.events_dead, live.messages_dead) == (1, 0, 0, 2, 0)
    assert (test.attention, test.stuck, test.events_failed, test.events_dead, test.messages_dead) == (1, 2, 1, 2, 1)


async def test_they_are_on_the_screen_and_follow(connection: asyncpg.Connection, sit: Sit) -> None:
    now = datetime.now(UTC)
    await add_order(connection, created_at=now, paid_at=now, status="completed")
    async with sit() as seat:
        await seat.sees("Today €12.50", "1 order ", "100% paid", "1 completed", "0 stuck")
        order_id = await add_order(connection, created_at=now, status="failed")
        await connection.execute(
            "INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES ($1, 'failed', 'made', 's')", order_id
        )
        await connection.execute("NOTIFY checkout_changes")
        await seat.sees("2 orders", "50% paid", "1 failed")


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
async def test_the_plot_is_drawn_with_its_label_or_not_at_all(
    connection: asyncpg.Connection, sit: Sit, width: int
) -> None:
    now = datetime.now(UTC)
    for currency in ("eur", "eur", "usd", "jpy", "gbp"):
        await add_order(connection, created_at=now, paid_at=now, status="completed", currency=currency)
    async with sit(size=(width, 24)) as seat:
        await seat.sees("Today ", "5 orders", "100% paid")
        lines = seat.text().splitlines()[1:3]
        plotted = any(bar in line for line in lines for bar in "▂▃▄▅▆▇█")
        assert plotted == ("24 h EUR" in seat.text())
        assert plotted == (width >= 100)


def test_bars_show_the_least_amount_and_nothing_as_ground() -> None:
    assert bars([0, 1, 50, 100]) == ["▁▂▄█"]
    assert bars([0, 50, 100], 2) == ["  █", "▁██"]
    assert bars([0, 0]) == ["▁▁"]
    assert resampled([1, 2, 3, 4, 5], 2) == [3, 12]
