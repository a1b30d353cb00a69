"""Disputes as operators list them: what is disputed, by when it must be answered, and whether the money is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, in_utc, record_of
from checkout_daemon.errors import NotFound


@dataclass(frozen=True, slots=True)
class ListedDispute:
    """A dispute with its order, which is None if none is known. Amount in minor units.

    `due_by` is when evidence must be there. `withdrawn_at` and `reinstated_at` are when Stripe last took the money and
    last gave it back. `unknown_words` has a status that this version does not know, in Stripe's words.
    """

    id: str
    order_id: str | None
    number: int | None
    payment_id: str
    status: str
    unknown_words: str | None
    reason: str | None
    amount: int | None
    currency: str | None
    due_by: datetime | None
    created_at: datetime
    withdrawn_at: datetime | None
    reinstated_at: datetime | None

    @property
    def money_is_gone(self) -> bool:
        """Return whether Stripe has taken the money and not given it back since."""
        return self.withdrawn_at is not None and (self.reinstated_at is None or self.reinstated_at < self.withdrawn_at)


@dataclass(frozen=True, slots=True)
class DisputeFilter:
    """Which disputes a list contains. `since` and `until` (exclusive) bound when we first knew of them.

    `waiting`: only those that wait for evidence.
    """

    statuses: tuple[str, ...] = ()
    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    waiting: bool = False


async def list_disputes(
    database: Readable, wanted: DisputeFilter, *, livemode: bool, limit: int, after: ListedDispute | None = None
) -> list[ListedDispute]:
    """Return a page of disputes, newest first, those after a dispute if one is given."""
    bound = (wanted.until or FAR_FUTURE, "") if after is None else (after.created_at, after.id)
    arguments = (livemode, list(wanted.statuses) or None, wanted.since or LONG_AGO, *bound, limit)
    async with database.connection() as connection:
        rows = await connection.fetch(sql("list_disputes"), *arguments, wanted.order_id, wanted.waiting)
    return [in_utc(record_of(ListedDispute, row)) for row in rows]


async def read_dispute(database: Readable, dispute_id: str) -> ListedDispute:
    """Return a dispute. Raise NotFound."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql("read_dispute"), dispute_id)
    if row is None:
        raise NotFound(f"dispute {dispute_id!r} is not known here: `checkout disputes list` shows those that are")
    return in_utc(record_of(ListedDispute, row))
