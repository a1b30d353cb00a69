"""Write the lines of the balance for bookkeepers: CSV, or double entry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from checkout_daemon.bank.books import Book, beginning, entry, opening
from checkout_daemon.bank.order_lines import OrderLine, every_line
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.model.csv_cells import cell, csv_text

CSV_KEYS = tuple(field.name for field in fields(OrderLine))


class ExportForm(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    HLEDGER = "hledger"
    BEANCOUNT = "beancount"


async def export_lines(
    database: Readable, form: ExportForm, since: datetime, until: datetime, time_zone: str, *, livemode: bool
) -> AsyncIterator[tuple[int, str]]:
    """Yield the text of the lines made since and before a time, page by page, each with how many lines it has.

    The oldest come first. What declares columns or accounts comes first, with no line. Double entry opens with the
    balance that all earlier lines add up to, so that the account of Stripe is what Stripe holds, whatever the time.
    """
    if form is ExportForm.CSV:
        yield 0, csv_text([list(CSV_KEYS)])
        async for page in every_line(database, since, until, livemode=livemode):
            yield len(page), csv_text([[cell(getattr(line, key)) for key in CSV_KEYS] for line in page])
        return
    book = Book(form.value)
    async with database.connection() as connection:
        found = await connection.fetch(sql("currencies_of_lines"), livemode, since, until)
        held = {row["currency"]: row["held"] for row in await connection.fetch(sql("balance_before"), livemode, since)}
    first = since if held else min((row["first_at"] for row in found), default=since)
    day = first.astimezone(ZoneInfo(time_zone)).date()
    lines = [*beginning(book, day, {row["currency"] for row in found} | held.keys()), *opening(book, day, held)]
    yield 0, "\n".join(lines) + "\n"
    async for page in every_line(database, since, until, livemode=livemode):
        yield len(page), "".join(f"{text}\n" for line in page for text in entry(book, line, time_zone))
