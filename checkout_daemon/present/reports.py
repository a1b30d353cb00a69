"""Reports as people read them: amounts, changes, and as of when."""

from __future__ import annotations

from checkout_daemon.bank.report_rows import MONEY, OF_ORDERS, ComparedRow, Report
from checkout_daemon.present.money import money
from checkout_daemon.present.times import local_time


def value_of(column: str, value: float | None, currency: str) -> str:
    """Return an amount, a count or a share; empty for None."""
    if value is None:
        return ""
    if column in MONEY or column in OF_ORDERS:
        return money(int(value), currency)
    return f"{value:.0%}" if column == "conversion" else str(value)


def change_of(row: ComparedRow, column: str) -> str:
    """Return the change of a column as a percentage, `+12%`, that of the conversion in percentage points, `+3 pp`."""
    change = row.change(column)
    if change is None:
        return ""
    return f"{change * 100:+.0f} pp" if column == "conversion" else f"{change:+.0%}"


def as_of_text(report: Report, time_zone: str) -> str:
    """Return until when the balance has been read; empty if the time of the report ended before, or has no balance."""
    if not report.by.is_of_balance:
        return ""
    if report.balance_until is None:
        return "The balance has not been read yet: only orders are counted."
    if report.balance_until >= report.until:
        return ""
    return f"Balance as of {local_time(report.balance_until, time_zone)}."
