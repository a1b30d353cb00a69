"""The rows of a report, and how they compare with those of another time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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

    @property
    def is_of_balance(self) -> bool:
        """Return whether the money is that of the balance: it knows no items, taxes or declined payments."""
        return self not in (By.SKU, By.TAX, By.DECLINE)


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


def columns_of(by: By) -> tuple[str, ...]:
    """Return the columns that a report has."""
    if by is By.DECLINE:
        return "orders", "paid", "conversion", "declines"
    if by is By.TAX:
        return "orders", "paid", "gross", "amount_tax"
    return ("orders", "paid", "conversion", "units", "gross") if by is By.SKU else COLUMNS[:-2]


MONEY = ("gross", "refunds", "disputes", "fees", "other", "net", "payouts")
"""The columns that are amounts."""
OF_ORDERS = ("amount_shipping", "amount_tax")
"""The columns that are amounts of orders, whatever the report is by."""
COLUMNS = ("orders", "paid", "conversion", *MONEY, *OF_ORDERS, "units", "declines")
"""The columns that two times can be compared by."""
_MAY_LOSE = ("net", "other")  # either sign: the share of a change means something only for what was gained


@dataclass(frozen=True, slots=True)
class Report:
    """The rows of a time, by key and currency, and what each currency adds up to.

    `balance_until`: what moved before that time, by Stripe's clock, is in it; None if the balance was never read.
    """

    by: By
    since: datetime
    until: datetime
    rows: tuple[Row, ...]
    totals: tuple[Row, ...]
    balance_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A row with that of the time before, or None if that time has no such row."""

    row: Row
    before: Row | None

    def was(self, column: str) -> int | float | None:
        """Return a column of the time before: 0 where it has no such row, None where it is not known."""
        if self.before is not None:
            found: int | float | None = getattr(self.before, column)
            return found
        return None if column == "conversion" or getattr(self.row, column) is None else 0

    def change(self, column: str) -> float | None:
        """Return the change of a column, as a share of what it was; that of the conversion as a difference of shares.

        None where there is nothing to compare with: it was 0, or a loss.
        """
        now: int | float | None = getattr(self.row, column)
        was = self.was(column)
        if now is None or was is None:
            return None
        if column == "conversion":
            return round(now - was, 4)
        if was == 0 or (was < 0 and column in _MAY_LOSE):
            return None
        return round(now / was - 1, 4)
