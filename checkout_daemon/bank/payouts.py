"""Payouts: list them, show their lines, and compare them with Stripe, line by line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.bank.bank_store import write_payouts
from checkout_daemon.bank.order_lines import OrderLine
from checkout_daemon.bank.reading import read_payout_lines
from checkout_daemon.bank.records import payout_of
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, PAGE, in_utc, record_of
from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.balance import lines_of_payout, retrieve_payout
from checkout_daemon.stripe_api.client import StripeMissing
from checkout_daemon.stripe_api.throttle import CALLS_PER_SECOND, at_most

STATUSES = ("paid", "pending", "in_transit", "canceled", "failed")
"""Stripe's: https://docs.stripe.com/api/payouts/object#payout_object-status."""


class NotListed(CheckoutError, code="payout_not_listed", status=409, exit_code=4, title="Stripe lists no lines of it"):
    """Stripe can list the lines of automatic payouts only, and once they are complete."""


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """A payout as lists show it. `lines` are those that we have of it, and `net` is their sum, in minor units."""

    id: str
    livemode: bool
    amount: int
    currency: str
    status: str
    automatic: bool
    reconciliation: str
    failure_code: str | None
    created_at: datetime
    arrives_at: datetime
    lines_read_at: datetime | None
    lines: int
    net: int

    @property
    def difference(self) -> int | None:
        """Return the amount less the sum of its lines; None while its lines are not known."""
        return None if self.lines_read_at is None else self.amount - self.net


@dataclass(frozen=True, slots=True)
class PayoutFilter:
    """Which payouts a list contains: those with money of an order; `since` and `until` (exclusive): made between."""

    statuses: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class ComparedPayout:
    """A payout compared with Stripe.

    `missing` are the lines of Stripe that we do not have as part of it, `extra` those that Stripe does not have.
    `listed_net` is the sum of Stripe's lines; `applied`: whether what was missing is stored now.
    """

    payout: PayoutLine
    listed: int
    listed_net: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    applied: bool = False

    @property
    def agrees(self) -> bool:
        """Return whether the payout equals the sum of its lines, here and at Stripe, to the unit."""
        whole = self.listed_net == self.payout.amount == self.payout.net
        return whole and not self.missing and not self.extra


@dataclass(frozen=True, slots=True)
class CountedPayouts:
    """How many payouts have all of their lines here, and how many of these differ from the sum of their lines."""

    read: int
    differing: int


async def count_payouts(connection: asyncpg.Connection, since: datetime, *, livemode: bool) -> CountedPayouts:
    """Count the payouts that were made since a time."""
    (row,) = await connection.fetch(sql("count_payouts"), livemode, since)
    return record_of(CountedPayouts, row)


async def list_payouts(
    database: Readable, wanted: PayoutFilter, *, livemode: bool, limit: int, after: PayoutLine | None = None
) -> list[PayoutLine]:
    """Return a page of payouts, newest first, those after a payout if one is given."""
    bound = (wanted.until or FAR_FUTURE, "") if after is None else (after.created_at, after.id)
    arguments = (livemode, list(wanted.statuses) or None, wanted.since or LONG_AGO, *bound, limit, wanted.order_id)
    async with database.connection() as connection:
        rows = await connection.fetch(sql("list_payouts"), *arguments)
    return [in_utc(record_of(PayoutLine, row)) for row in rows]


async def read_payout(database: Readable, payout_id: str) -> PayoutLine:
    """Return a payout. Raise NotFound."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql("read_payout"), payout_id)
    if row is None:
        raise NotFound(f"payout {payout_id!r} is not known here: `checkout payouts list` shows those that are")
    return in_utc(record_of(PayoutLine, row))


async def lines_of(database: Readable, payout_id: str) -> AsyncIterator[list[OrderLine]]:
    """Yield pages of the lines of a payout, the oldest first."""
    place: tuple[datetime, str] = (LONG_AGO, "")
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(sql("list_lines_of_payout"), payout_id, *place, PAGE)
        page = [in_utc(record_of(OrderLine, row)) for row in rows]
        if page:
            yield page
        if len(page) < PAGE:
            return
        place = (page[-1].created_at, page[-1].id)


async def compare_payouts(
    runtime: Runtime, wanted: PayoutFilter, payout_id: str | None = None, *, apply: bool = False
) -> AsyncIterator[ComparedPayout]:
    """Compare each payout that Stripe can list with our lines of it, newest first, or one alone; see `_compare`.

    Raise NotFound for one that Stripe does not know, StripeUnavailable and DatabaseUnavailable.
    """
    pace = at_most(CALLS_PER_SECOND / 2)  # the daemon makes its own calls at the same time
    if payout_id is not None:
        if apply:
            await _refresh(runtime, payout_id)
        yield await _compare(runtime, await read_payout(runtime.database, payout_id), apply=apply)
        return
    last: PayoutLine | None = None
    livemode = runtime.settings.livemode
    while page := await list_payouts(runtime.database, wanted, livemode=livemode, limit=PAGE, after=last):
        for payout in page:
            if payout.automatic and payout.reconciliation == "completed":
                await pace()
                yield await _compare(runtime, payout, apply=apply)
        last = page[-1]


async def _refresh(runtime: Runtime, payout_id: str) -> None:
    try:
        found = await retrieve_payout(runtime.gateway, payout_id)
    except StripeMissing as error:
        raise NotFound(f"Stripe has no payout {payout_id!r} in the mode of this key") from error
    await runtime.database.run(write_payouts, [payout_of(found.object, livemode=runtime.settings.livemode)])


async def _compare(runtime: Runtime, payout: PayoutLine, *, apply: bool) -> ComparedPayout:
    """Compare the lines of a payout with Stripe's, and read them anew if `apply` and something is missing."""
    if not payout.automatic or payout.reconciliation != "completed":
        why = "Stripe has not finished it" if payout.automatic else "it was made by hand"
        raise NotListed(f"the lines of payout {payout.id} cannot be listed: {why}")
    listed: dict[str, int] = {}
    async with aclosing(lines_of_payout(runtime.gateway, payout.id)) as pages:
        async for page in pages:
            for found in page:
                source = found.object["source"]
                if (source.get("id") if isinstance(source, dict) else source) != payout.id:
                    listed[found.object["id"]] = found.object["net"]
    async with runtime.database.connection() as connection:
        ours = {row["id"] for row in await connection.fetch(sql("line_ids_of_payout"), payout.id)}
    missing, extra = tuple(sorted(listed.keys() - ours)), tuple(sorted(ours - listed.keys()))
    if apply and (missing or payout.lines_read_at is None):
        await read_payout_lines(runtime, payout.id)
        payout = await read_payout(runtime.database, payout.id)
        return ComparedPayout(payout, len(listed), sum(listed.values()), missing, extra, applied=True)
    return ComparedPayout(payout, len(listed), sum(listed.values()), missing, extra)
