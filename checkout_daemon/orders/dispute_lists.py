"""Disputes as operators list them: what is disputed, by when it must be answered, and whether the money is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, in_utc, record_of
from checkout_daemon.errors import NotFound
from checkout_daemon.model.disputes import ListedDispute


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


@dataclass(frozen=True, slots=True)
class DisputeCursor:
    """The dispute after which a page begins."""

    created_at: datetime
    id: str


async def list_disputes(
    database: Readable,
    wanted: DisputeFilter,
    *,
    livemode: bool,
    limit: int,
    after: ListedDispute | DisputeCursor | None = None,
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
        if not dispute_id.startswith(("dp_", "du_")):
            raise NotFound(
                f"{dispute_id!r} is no dispute's id, which begins with dp_ or du_: `checkout disputes list --order "
                f"{dispute_id}` shows those of an order"
            )
        raise NotFound(f"dispute {dispute_id!r} is not known here: `checkout disputes list` shows those that are")
    return in_utc(record_of(ListedDispute, row))
