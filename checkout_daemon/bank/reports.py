"""Reports: what came in and went out, by the day it moved, or by what the orders have in common.

Money is that of Stripe's balance transactions, by the time at which it moved: a refund counts on the day of the refund,
and an order whose event came late on the day it was paid. Orders count on the day they were made. No two currencies are
ever added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from checkout_daemon.bank.order_lines import Sums, sums_of
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable


class By(StrEnum):
    """What the rows of a report are: spans of time, or a property of the payment or order."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CURRENCY = "currency"
    METHOD = "method"
    COUNTRY = "country"
    SKU = "sku"
    TAX = "tax"
    DISCOUNT = "discount"
    DECLINE = "decline"

    @property
    def is_time(self) -> bool:
        """Return whether the rows are spans of time."""
        return self in (By.DAY, By.WEEK, By.MONTH)


@dataclass(frozen=True, slots=True)
class Row:
    """What happened in one currency under one key: a date, a method … None: what has none, such as no discount.

    Amounts in minor units; what left is negative, but fees are positive: net = gross + refunds + disputes + other -
    fees. `orders` were made then, and `paid` of them were ever paid. `amount_shipping` and `amount_tax` are those of
    the paid ones: refunds do not change them, and without any order that states them they are None. `units` and
    `declines` are known in reports by SKU and by decline. There, and by tax, `gross` is what the paid orders cost: fees
    and refunds are of payments, not of items.
    """

    key: str | None
    currency: str
    orders: int = 0
    paid: int = 0
    gross: int = 0
    refunds: int = 0
    disputes: int = 0
    fees: int = 0
    other: int = 0
    net: int = 0
    payouts: int = 0
    amount_shipping: int | None = None
    amount_tax: int | None = None
    units: int | None = None
    declines: int | None = None

    @property
    def conversion(self) -> float | None:
        """Return the share of orders that were paid, or None without orders."""
        return round(self.paid / self.orders, 4) if self.orders else None


@dataclass(frozen=True, slots=True)
class Report:
    """The rows of a time, by key and currency, and what each currency adds up to."""

    by: By
    since: datetime
    until: datetime
    rows: tuple[Row, ...]
    totals: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A row with that of the time before, or None if that time has no such row."""

    row: Row
    before: Row | None


async def read_report(
    database: Readable, by: By, since: datetime, until: datetime, time_zone: str, *, livemode: bool
) -> Report:
    """Return the report of what was made or moved since and before a time. Days are those of the time zone."""
    async with database.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await _rows(connection, by, (livemode, since, until), time_zone)
    if by.is_time:
        rows = _with_empty(rows, by, since, until, time_zone)
    return Report(by, since, until, tuple(rows), tuple(_totals(rows)))


def compare(now: Report, before: Report, time_zone: str) -> list[ComparedRow]:
    """Return each row with that of the time before: of the same key, or of the span in the same place."""
    places: Mapping[Any, Row]
    if not now.by.is_time:
        places = {(row.key, row.currency): row for row in before.rows}
        return [ComparedRow(row, places.get((row.key, row.currency))) for row in now.rows]
    then: dict[str | None, int] = {
        key: place for place, key in enumerate(_spans(now.by, before.since, before.until, time_zone))
    }
    keys: dict[str | None, int] = {
        key: place for place, key in enumerate(_spans(now.by, now.since, now.until, time_zone))
    }
    places = {(then.get(row.key), row.currency): row for row in before.rows}
    return [ComparedRow(row, places.get((keys.get(row.key), row.currency))) for row in now.rows]


def previous(since: datetime, until: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """Return the time before, which is as long, and begins at the same time of the day where the clocks change."""
    zone = ZoneInfo(time_zone)
    begin, end = since.astimezone(zone), until.astimezone(zone)
    days = timedelta(days=max(1, -(-int((until - since).total_seconds()) // 86_400)))
    return (begin - days).astimezone(since.tzinfo), (end - days).astimezone(since.tzinfo)


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
    return [
        row for _, row in sorted(rows.items(), key=lambda known: (known[0][0] is None, known[0][0] or "", known[0][1]))
    ]


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
