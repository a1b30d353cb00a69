"""Lists and shows proposals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import pages
from checkout_daemon.errors import NotFound
from checkout_daemon.proposals import proposal_store as store
from checkout_daemon.proposals.records import Proposal

_LONGEST_NUMBER = 18


def all_proposals(
    database: Readable,
    statuses: tuple[str, ...] = (),
    order_id: str | None = None,
    *,
    limit: int | None = None,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AsyncIterator[list[Proposal]]:
    """Return the pages of a list of proposals, newest first: numbers below `before`, made since and before `until`."""

    async def read(size: int, last: Proposal | None) -> list[Proposal]:
        place = before if last is None else last.number
        async with database.connection() as connection:
            return await store.read_proposals(
                connection, statuses=statuses, order_id=order_id, before=place, limit=size, since=since, until=until
            )

    return pages(read, limit)


async def page_of_proposals(
    database: Readable,
    statuses: tuple[str, ...] = (),
    *,
    limit: int,
    before: int | None = None,
) -> list[Proposal]:
    """Return the newest proposals, of those with numbers below `before`."""
    async with database.connection() as connection:
        return await store.read_proposals(connection, statuses=statuses, before=before, limit=limit)


async def find_proposal(database: Readable, number: int | str) -> Proposal:
    """Return a proposal. Raise NotFound, also for what is no number."""
    proposal = None
    if isinstance(number, int) or (number.isdecimal() and len(number) <= _LONGEST_NUMBER):
        async with database.connection() as connection:
            proposal = await store.read_proposal(connection, int(number))
    if proposal is None:
        raise NotFound(f"proposal {number} does not exist: `checkout proposals list` shows the proposals")
    return proposal
