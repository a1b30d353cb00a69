"""Balance transactions with their orders, and what an order brought in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from checkout_daemon.bank.categories import Side, side_of
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import LONG_AGO, PAGE, in_utc, record_of


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A balance transaction with its order, which is None if none is known. Amounts as in BalanceLine."""

    id: str
    type: str
    category: str
    amount: int
    fee: int
    net: int
    currency: str
    exchange_rate: Decimal | None
    source_id: str | None
    source_amount: int | None
    source_currency: str | None
    payment_id: str | None
    payout_id: str | None
    created_at: datetime
    available_on: datetime
    order_id: str | None
    number: int | None


@dataclass(frozen=True, slots=True)
class Sums:
    """What lines of one currency add up to, in minor units. What left the balance is negative, but fees are positive.

    net = gross + refunds + disputes + other - fees - dispute_fees
    """

    currency: str
    gross: int = 0
    refunds: int = 0
    disputes: int = 0
    other: int = 0
    fees: int = 0
    dispute_fees: int = 0
    payouts: int = 0

    @property
    def net(self) -> int:
        """Return what is left for the shop, before payouts."""
        return self.gross + self.refunds + self.disputes + self.other - self.fees - self.dispute_fees


def sums_of(parts: Iterable[tuple[str, str, int, int]]) -> list[Sums]:
    """Add up (currency, category, amount, fee), by currency; no two currencies are ever added."""
    found: dict[str, dict[str, int]] = {}
    for currency, category, amount, fee in parts:
        sums = found.setdefault(currency, {})
        side = side_of(category)
        fees = "dispute_fees" if side is Side.DISPUTES else "fees"
        sums[fees] = sums.get(fees, 0) + fee
        if side is Side.FEES:
            sums["fees"] -= amount
        else:
            sums[side] = sums.get(side, 0) + amount
    return [Sums(currency, **sums) for currency, sums in sorted(found.items())]


async def lines_of_order(database: Readable, order_id: str) -> list[OrderLine]:
    """Return what the payments of an order did to the balance, the oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(sql("list_lines_of_order"), order_id)
    return [in_utc(record_of(OrderLine, row)) for row in rows]


async def lines_of_source(database: Readable, source_id: str) -> list[OrderLine]:
    """Return what a dispute, refund or charge did to the balance, the oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(sql("list_lines_of_source"), source_id)
    return [in_utc(record_of(OrderLine, row)) for row in rows]


async def every_line(
    database: Readable, since: datetime, until: datetime, *, livemode: bool
) -> AsyncIterator[list[OrderLine]]:
    """Yield pages of the lines that were made since and before a time, the oldest first."""
    place: tuple[datetime, str] = (LONG_AGO, "")
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(sql("list_lines"), livemode, since, until, *place, PAGE)
        page = [in_utc(record_of(OrderLine, row)) for row in rows]
        if page:
            yield page
        if len(page) < PAGE:
            return
        place = (page[-1].created_at, page[-1].id)
