"""Reports: money by the day it moved, orders by the day they were made, and no two currencies added."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from checkout_daemon.bank.bank_store import write_lines
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.bank.records import BalanceLine
from checkout_daemon.bank.report_rows import By, Report
from checkout_daemon.bank.reports import Against, compare, compare_totals, earlier, read_report
from checkout_daemon.present.reports import as_of_text
from checkout_daemon.runtime import Runtime
from tests.support.balance import advance, post, whole_balance
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import check_out, paid_order

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def line(number: int, at: str, category: str, amount: int, fee: int = 0, currency: str = "eur") -> BalanceLine:
    moment = datetime.fromisoformat(at)
    return BalanceLine(
        f"txn_{number}",
        livemode=False,
        type=category,
        category=category,
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency=currency,
        exchange_rate=None,
        source_id=None,
        source_amount=None,
        source_currency=None,
        payment_id=None,
        payout_id=None,
        created_at=moment,
        available_on=moment,
    )


MARCH = [
    line(1, "2026-03-02T10:00:00+00:00", "charge", 10_000, 320),
    line(2, "2026-03-02T23:30:00+00:00", "charge", 2000, 88),  # in Berlin: the third
    line(3, "2026-03-05T10:00:00+00:00", "refund", -10_000),
    line(4, "2026-03-05T11:00:00+00:00", "dispute", -2000, 1500),
    line(5, "2026-03-06T00:00:00+00:00", "payout", -1000),
    line(6, "2026-03-06T09:00:00+00:00", "charge", 500, 45, "jpy"),
    line(7, "2026-04-01T00:00:00+02:00", "charge", 99),  # in Berlin: April
]


async def march(runtime: Runtime, connection: asyncpg.Connection, by: By, zone: str = "UTC") -> Report:
    await write_lines(connection, MARCH)
    return await read_report(runtime.database, by, SINCE, UNTIL, zone, livemode=False)


async def test_money_counts_on_the_day_it_moved(runtime: Runtime, connection: asyncpg.Connection) -> None:
    report = await march(runtime, connection, By.DAY)
    days = {(row.key, row.currency): row for row in report.rows}
    assert len(report.rows) == 31 * 2
    assert days["2026-03-02", "eur"].gross == 12_000
    assert (days["2026-03-05", "eur"].refunds, days["2026-03-05", "eur"].net) == (-10_000, -13_500)
    assert (days["2026-03-05", "eur"].disputes, days["2026-03-05", "eur"].fees) == (-2000, 1500)
    assert (days["2026-03-06", "jpy"].net, days["2026-03-06", "eur"].payouts) == (455, -1000)


async def test_days_are_those_of_the_shop(runtime: Runtime, connection: asyncpg.Connection) -> None:
    report = await march(runtime, connection, By.DAY, "Europe/Berlin")
    days = {(row.key, row.currency): row for row in report.rows}
    assert (days["2026-03-02", "eur"].gross, days["2026-03-03", "eur"].gross) == (10_000, 2000)


@pytest.mark.parametrize(("by", "first", "count"), [(By.WEEK, "2026-02-23", 6), (By.MONTH, "2026-03-01", 1)])
async def test_weeks_begin_on_monday_and_months_on_the_first(
    runtime: Runtime, connection: asyncpg.Connection, by: By, first: str, count: int
) -> None:
    report = await march(runtime, connection, by)
    keys = list(dict.fromkeys(row.key for row in report.rows))
    assert (keys[0], len(keys)) == (first, count)


async def test_totals_equal_what_moved_by_currency(runtime: Runtime, connection: asyncpg.Connection) -> None:
    report = await march(runtime, connection, By.CURRENCY)
    assert [(row.key, row.net, row.payouts) for row in report.rows] == [("eur", -1809, -1000), ("jpy", 455, 0)]
    assert [(row.currency, row.net) for row in report.totals] == [("eur", -1809), ("jpy", 455)]


async def test_the_time_before_is_compared_span_by_span(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await write_lines(connection, [line(100, "2026-01-30T10:00:00+00:00", "charge", 5000)])
    now = await march(runtime, connection, By.DAY)
    before = await read_report(
        runtime.database, By.DAY, *earlier(Against.PREVIOUS, SINCE, UNTIL, "UTC"), "UTC", livemode=False
    )
    assert before.since == SINCE - timedelta(days=31)
    compared = {(found.row.key, found.row.currency): found.before for found in compare(now, before, "UTC")}
    second = compared["2026-03-02", "eur"]
    assert second is not None
    assert (second.key, second.gross) == ("2026-01-30", 5000)
    assert compared["2026-03-02", "jpy"] is None


def test_the_time_before_begins_at_midnight_where_the_clocks_change() -> None:
    since, until = datetime(2026, 3, 30, 22, tzinfo=UTC), datetime(2026, 4, 1, 22, tzinfo=UTC)
    assert earlier(Against.PREVIOUS, since, until, "Europe/Berlin") == (datetime(2026, 3, 28, 23, tzinfo=UTC), since)


@pytest.mark.parametrize(
    ("since", "until", "before", "end"),
    [
        ("2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", "2026-10-24T00:00", "2026-10-25T00:00"),
        ("2026-10-01T00:00+02:00", "2026-11-01T00:00+01:00", "2026-08-31T00:00", "2026-10-01T00:00"),
        ("2026-10-25T00:00+02:00", "2026-10-25T23:30+01:00", "2026-10-24T00:00", "2026-10-24T23:30"),
        ("2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", "2026-03-28T00:00", "2026-03-29T00:00"),
        ("2026-03-28T11:00+01:00", "2026-03-29T12:00+02:00", "2026-03-27T11:00", "2026-03-28T12:00"),
    ],
    ids=["a day in autumn", "a month in autumn", "most of a day in autumn", "a day in spring", "24h in spring"],
)
def test_the_time_before_is_as_many_days_earlier_where_the_clocks_change(
    since: str, until: str, before: str, end: str
) -> None:
    begin, ending = (datetime.fromisoformat(text).astimezone(UTC) for text in (since, until))
    found = earlier(Against.PREVIOUS, begin, ending, "Europe/Berlin")
    zone = ZoneInfo("Europe/Berlin")
    assert [f"{time.astimezone(zone):%Y-%m-%dT%H:%M}" for time in found] == [before, end]


@pytest.mark.parametrize(
    ("against", "since", "until"),
    [
        (Against.WEEK, "2026-03-24T00:00", "2026-03-26T09:30"),
        (Against.MONTH, "2026-02-28T00:00", "2026-03-02T09:30"),
        (Against.YEAR, "2025-03-31T00:00", "2025-04-02T09:30"),
        (Against.PREVIOUS, "2026-03-28T00:00", "2026-03-30T09:30"),
    ],
)
def test_a_time_that_has_not_ended_is_compared_with_the_same_days_before(
    against: Against, since: str, until: str
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    begin, end = (
        datetime.fromisoformat(text).replace(tzinfo=zone) for text in ("2026-03-31T00:00", "2026-04-02T09:30")
    )
    found = earlier(against, begin.astimezone(UTC), end.astimezone(UTC), "Europe/Berlin")
    assert [f"{time.astimezone(zone):%Y-%m-%dT%H:%M}" for time in found] == [since, until]


@pytest.mark.parametrize(
    ("against", "since", "until", "before", "end"),
    [
        (Against.MONTH, "2026-05-30T00:00", "2026-05-31T00:00", "2026-04-30T00:00", "2026-05-01T00:00"),
        (Against.MONTH, "2026-05-30T00:00", "2026-05-31T09:30", "2026-04-30T00:00", "2026-05-01T00:00"),
        (Against.MONTH, "2026-05-01T00:00", "2026-05-31T00:00", "2026-04-01T00:00", "2026-05-01T00:00"),
        (Against.MONTH, "2026-03-28T00:00", "2026-03-29T00:00", "2026-02-28T00:00", "2026-03-01T00:00"),
        (Against.YEAR, "2028-02-28T00:00", "2028-02-29T00:00", "2027-02-28T00:00", "2027-03-01T00:00"),
        (Against.MONTH, "2026-05-31T00:00", "2026-05-31T09:30", "2026-04-30T00:00", "2026-04-30T09:30"),
        (Against.MONTH, "2026-05-31T00:00", "2026-06-01T00:00", "2026-04-30T00:00", "2026-05-01T00:00"),
    ],
)
def test_a_day_that_the_earlier_month_does_not_have_is_compared_with_its_last(
    against: Against, since: str, until: str, before: str, end: str
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    begin, ending = (datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) for text in (since, until))
    found = earlier(against, begin, ending, "Europe/Berlin")
    assert [f"{time.astimezone(zone):%Y-%m-%dT%H:%M}" for time in found] == [before, end]


async def test_every_column_is_compared_also_where_only_the_time_before_has_it(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await write_lines(
        connection,
        [
            line(100, "2026-02-02T10:00:00+00:00", "charge", 5000, 100),
            line(101, "2026-02-03T10:00:00+00:00", "refund", -4000),
            line(102, "2026-02-04T10:00:00+00:00", "charge", 300, 10, "usd"),
        ],
    )
    now = await march(runtime, connection, By.CURRENCY)
    then = earlier(Against.PREVIOUS, SINCE, UNTIL, "UTC")
    before = await read_report(runtime.database, By.CURRENCY, *then, "UTC", livemode=False)
    rows = {row.row.key: row for row in compare(now, before, "UTC")}
    assert rows.keys() == {"eur", "jpy", "usd"}
    assert (rows["usd"].row.gross, rows["usd"].was("gross"), rows["usd"].change("gross")) == (0, 300, -1)
    eur = rows["eur"]
    assert {name: eur.change(name) for name in ("gross", "refunds", "fees", "disputes", "net", "conversion")} == {
        "gross": 1.4198,
        "refunds": 1.5,
        "fees": 18.08,
        "disputes": None,
        "net": -3.01,
        "conversion": None,
    }
    totals = {total.row.currency: total.was("net") for total in compare_totals(now, before)}
    assert totals == {"eur": 900, "jpy": 0, "usd": 290}
    days = compare(await march(runtime, connection, By.DAY), before, "UTC")
    assert {row.row.currency for row in days} == {"eur", "jpy", "usd"}


async def test_a_report_knows_until_when_the_balance_was_read(runtime: Runtime, connection: asyncpg.Connection) -> None:
    now = datetime.now(UTC)
    since, until = now - timedelta(days=1), now + timedelta(hours=1)
    report = await read_report(runtime.database, By.DAY, since, until, "UTC", livemode=False)
    assert as_of_text(report, "UTC") == "The balance has not been read yet: only orders are counted."
    await paid_order(runtime)
    await read_balance(runtime)
    report = await read_report(runtime.database, By.DAY, since, until, "UTC", livemode=False)
    assert report.balance_until is not None
    assert as_of_text(report, "UTC") == f"Balance as of {report.balance_until:%Y-%m-%d %H:%M:%S} UTC."
    assert as_of_text(replace(report, until=report.balance_until), "UTC") == ""
    assert as_of_text(replace(report, by=By.SKU), "UTC") == ""


async def test_orders_conversion_methods_and_discounts(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    since = datetime.now(UTC) - timedelta(hours=1)
    until = since + timedelta(hours=2)
    await paid_order(runtime)
    await paid_order(runtime, discount_code="TEN")
    await check_out(runtime)
    await read_balance(runtime)

    async def rows(by: By) -> dict[str | None, tuple[int, int, int]]:
        report = await read_report(runtime.database, by, since, until, "UTC", livemode=False)
        return {row.key: (row.orders, row.paid, row.gross) for row in report.rows}

    assert await rows(By.DISCOUNT) == {"TEN": (1, 1, 3059), None: (2, 1, 3399)}
    assert await rows(By.METHOD) == {"visa": (2, 2, 6458), None: (1, 0, 0)}
    assert await rows(By.COUNTRY) == {"US": (2, 2, 6458), None: (1, 0, 0)}
    assert await rows(By.CURRENCY) == {"eur": (3, 2, 6458)}
    assert await rows(By.SKU) == {"NOTE": (3, 2, 2400 + 2160), "PEN": (3, 2, 999 + 899)}
    report = await read_report(runtime.database, By.SKU, since, until, "UTC", livemode=False)
    assert {row.key: row.units for row in report.rows} == {"NOTE": 4, "PEN": 6}
    assert report.totals[0].conversion == pytest.approx(0.6667)


async def test_declines_are_counted_by_code(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await paid_order(runtime)
    await connection.execute(
        "INSERT INTO charges (payment_id, id, livemode, order_id, created_at, status, decline_code)"
        " SELECT 'pi_' || place, 'ch_' || place, false, orders.id, now(), 'failed', 'insufficient_funds'"
        " FROM orders, generate_series(1, 2) AS place"
    )
    since = datetime.now(UTC) - timedelta(hours=1)
    report = await read_report(runtime.database, By.DECLINE, since, since + timedelta(hours=2), "UTC", livemode=False)
    assert [(row.key, row.declines, row.orders, row.paid) for row in report.rows] == [("insufficient_funds", 2, 1, 1)]


async def test_the_report_agrees_with_stripes_own_balance(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    since = datetime.now(UTC) - timedelta(hours=1)
    for _ in range(3):
        await paid_order(runtime)
    payments = [row["id"] for row in await connection.fetch("SELECT id FROM payments ORDER BY created_at")]
    await read_balance(runtime)
    await advance(stripe, "4d")
    await post(stripe, "/v1/refunds", {"payment_intent": payments[0], "amount": "1234"})
    charge = await connection.fetchval("SELECT id FROM charges WHERE payment_id = $1", payments[1])
    await post(stripe, f"/v1/test_helpers/charges/{charge}/dispute", {"reason": "fraudulent"})
    await paid_order(runtime)
    await read_balance(runtime, at_once=True)
    report = await read_report(runtime.database, By.CURRENCY, since, since + timedelta(days=9), "UTC", livemode=False)
    assert {row.currency: row.net + row.payouts for row in report.rows} == await whole_balance(stripe)
