"""Reports: what came in and went out, by the day it moved, or by what the orders have in common.

Money is that of Stripe's balance transactions, by the time at which it moved: a refund counts on the day of the refund,
and an order whose event came late on the day it was paid. Orders count on the day they were made. No two currencies are
ever added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from checkout_daemon.bank.bank_store import last_reading
from checkout_daemon.bank.order_lines import Sums, sums_of
from checkout_daemon.bank.report_rows import OF_ORDERS, By, ComparedRow, Report, Row
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable


async def read_report(
    database: Readable, by: By, since: datetime, until: datetime, time_zone: str, *, livemode: bool
) -> Report:
    """Return the report of what was made or moved since and before a time. Days are those of the time zone."""
    async with database.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await _rows(connection, by, (livemode, since, until), time_zone)
        reading, _ = await last_reading(connection, livemode=livemode)
    if by.is_time:
        rows = _with_empty(rows, by, since, until, time_zone)
    balance_until = None if reading is None else reading.until
    return Report(by, since, until, tuple(rows), tuple(_totals(rows)), balance_until)


def compare(now: Report, before: Report, time_zone: str) -> list[ComparedRow]:
    """Return each row with that of the time before: of the same key, or of the span in the same place.

    What only the time before has is compared with nothing.
    """
    gone = _gone(now, before, time_zone)
    rows = sorted((*now.rows, *gone), key=_place) if gone else now.rows
    places: Mapping[Any, Row]
    if not now.by.is_time:
        places = {(row.key, row.currency): row for row in before.rows}
        return [ComparedRow(row, places.get((row.key, row.currency))) for row in rows]
    then: dict[str | None, int] = {
        key: place for place, key in enumerate(_spans(now.by, before.since, before.until, time_zone))
    }
    keys: dict[str | None, int] = {
        key: place for place, key in enumerate(_spans(now.by, now.since, now.until, time_zone))
    }
    places = {(then.get(row.key), row.currency): row for row in before.rows}
    return [ComparedRow(row, places.get((keys.get(row.key), row.currency))) for row in rows]


def compare_totals(now: Report, before: Report) -> list[ComparedRow]:
    """Return what each currency adds up to, with that of the time before."""
    then = {row.currency: row for row in before.totals}
    known = {row.currency: row for row in now.totals}
    return [
        ComparedRow(known.get(currency) or _nothing(None, currency, then[currency]), then.get(currency))
        for currency in sorted(known.keys() | then.keys())
    ]


def _gone(now: Report, before: Report, time_zone: str) -> list[Row]:
    """Return empty rows for what the time before has alone: keys, or currencies in every span of this time."""
    known = {(row.key, row.currency) for row in now.rows}
    keys: Sequence[tuple[str | None, Row]]
    if now.by.is_time:
        currencies = {row.currency: row for row in before.rows}
        spans = _spans(now.by, now.since, now.until, time_zone)
        keys = [(span, row) for span in spans for row in currencies.values()]
    else:
        keys = [(row.key, row) for row in before.rows]
    return [_nothing(key, row.currency, row) for key, row in keys if (key, row.currency) not in known]


def _nothing(key: str | None, currency: str, like: Row) -> Row:
    """Return a row of a time in which nothing happened."""
    stated = (*OF_ORDERS, "units", "declines")
    return Row(key, currency, **{name: 0 for name in stated if getattr(like, name) is not None})


def _place(row: Row) -> tuple[bool, str, str]:
    return row.key is None, row.key or "", row.currency


class Against(StrEnum):
    """What a report is compared with: the time before, which is as long, or the same days of an earlier one."""

    PREVIOUS = "previous"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


def earlier(against: Against, since: datetime, until: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """Return the time to compare with. It begins at the same time of the day, also where the clocks change."""
    zone = ZoneInfo(time_zone)
    begin, end = since.astimezone(zone), until.astimezone(zone)
    if against in (Against.MONTH, Against.YEAR):
        months = 12 if against is Against.YEAR else 1
        found = _months_before(begin, months), _months_before(end, months)
        if begin.date() != end.date() and found[1].day != end.day:
            # Nothing there has the day of the end: the month counts to its last midnight.
            found = found[0], (found[1] + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    else:
        # Where the clocks change, a day has 24 hours on the wall only, and a span such as 24h in elapsed time only.
        length = min(end - begin, until - since)
        days = 7 if against is Against.WEEK else max(1, -(-length // timedelta(days=1)))
        found = begin - timedelta(days=days), end - timedelta(days=days)
    return found[0].astimezone(since.tzinfo), found[1].astimezone(since.tzinfo)


def _months_before(moment: datetime, months: int) -> datetime:
    """Return the same day of an earlier month, or its last one if it has no such day."""
    last = moment.replace(day=1)
    for _ in range(months):
        last = (last - timedelta(days=1)).replace(day=1)
    length = ((last + timedelta(days=32)).replace(day=1) - last).days
    return last.replace(day=min(moment.day, length))


async def _rows(
    connection: asyncpg.Connection, by: By, span: tuple[bool, datetime, datetime], time_zone: str
) -> list[Row]:
    if by in (By.SKU, By.TAX):
        rows = await connection.fetch(sql("report_skus" if by is By.SKU else "report_taxes"), *span)
        return [Row(**row, net=row["gross"]) for row in rows]
    if by is By.DECLINE:
        return [Row(**row) for row in await connection.fetch(sql("report_declines"), *span)]
    if by.is_time or by is By.CURRENCY:
        unit = by.value if by.is_time else None
        money = await connection.fetch(sql("report_money"), *span, time_zone, unit)
        orders = await connection.fetch(sql("report_orders"), *span, time_zone, unit)
    elif by is By.DISCOUNT:
        money = await connection.fetch(sql("report_money_by_discount"), *span)
        orders = await connection.fetch(sql("report_orders_by_discount"), *span)
    else:
        money = await connection.fetch(sql("report_money_by_charge"), *span, by.value)
        orders = await connection.fetch(sql("report_orders_by_charge"), *span, by.value)
    joined = _joined(money, orders)
    return [replace(row, key=row.currency) for row in joined] if by is By.CURRENCY else joined


def _joined(money: Iterable[asyncpg.Record], orders: Iterable[asyncpg.Record]) -> list[Row]:
    parts: dict[str | None, list[tuple[str, str, int, int]]] = defaultdict(list)
    for line in money:
        parts[line["key"]].append((line["currency"], line["category"], line["amount"], line["fee"]))
    rows = {(key, sums.currency): _of_sums(key, sums) for key, found in parts.items() for sums in sums_of(found)}
    for line in orders:
        place = (line["key"], line["currency"])
        row = rows.get(place, Row(*place))
        rows[place] = replace(row, **{name: line[name] for name in ("orders", "paid", "amount_shipping", "amount_tax")})
    return sorted(rows.values(), key=_place)


def _of_sums(key: str | None, sums: Sums) -> Row:
    return Row(
        key,
        sums.currency,
        gross=sums.gross,
        refunds=sums.refunds,
        disputes=sums.disputes,
        fees=sums.fees + sums.dispute_fees,
        other=sums.other,
        net=sums.net,
        payouts=sums.payouts,
    )


def _with_empty(rows: Sequence[Row], by: By, since: datetime, until: datetime, time_zone: str) -> list[Row]:
    """Return the rows with one for each span in which nothing happened, for every currency that there is."""
    found = {(row.key, row.currency): row for row in rows}
    currencies = sorted({row.currency for row in rows})
    spans = _spans(by, since, until, time_zone)
    return [found.get((key, currency), Row(key, currency)) for key in spans for currency in currencies]


def _spans(by: By, since: datetime, until: datetime, time_zone: str) -> list[str]:
    """Return the first days of all spans between two times."""
    zone = ZoneInfo(time_zone)
    day = _first_day(by, since.astimezone(zone).date())
    last = (until - timedelta(microseconds=1)).astimezone(zone).date()
    spans = []
    while day <= last:
        spans.append(day.isoformat())
        day = _next(by, day)
    return spans


def _first_day(by: By, day: date) -> date:
    if by is By.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by is By.MONTH else day


def _next(by: By, day: date) -> date:
    if by is By.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if by is By.WEEK else 1)


def _totals(rows: Iterable[Row]) -> list[Row]:
    """Return the sum of each currency. In reports by SKU, tax and decline, an order may count in several rows."""
    found: dict[str, Row] = {}
    for row in rows:
        total = found.get(row.currency)
        found[row.currency] = replace(row, key=None) if total is None else _added(total, row)
    return [found[currency] for currency in sorted(found)]


def _added(total: Row, row: Row) -> Row:
    names = ("orders", "paid", "gross", "refunds", "disputes", "fees", "other", "net", "payouts")
    sums = {name: getattr(total, name) + getattr(row, name) for name in names}
    for name in ("units", "declines", "amount_shipping", "amount_tax"):
        known = [value for value in (getattr(total, name), getattr(row, name)) if value is not None]
        sums[name] = sum(known) if known else None
    return replace(total, **sums)
