"""Lists and shows proposals."""

from __future__ import annotations

from collections.abc import AsyncIterator

from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import pages
from checkout_daemon.errors import NotFound
from checkout_daemon.proposals import proposal_store as store
from checkout_daemon.proposals.records import Proposal


def all_proposals(
    database: Readable,
    statuses: tuple[str, ...] = (),
    order_id: str | None = None,
    *,
    limit: int | None = None,
    before: int | None = None,
) -> AsyncIterator[list[Proposal]]:
    """Return the pages of a list of proposals, newest first; those with numbers below `before`."""

    async def read(size: int, last: Proposal | None) -> list[Proposal]:
        place = before if last is None else last.number
        return await page_of_proposals(database, statuses, order_id, limit=size, before=place)

    return pages(read, limit)


async def page_of_proposals(
    database: Readable,
    statuses: tuple[str, ...] = (),
    order_id: str | None = None,
    *,
    limit: int,
    before: int | None = None,
) -> list[Proposal]:
    """Return the newest proposals, of those with numbers below `before`."""
    async with database.connection() as connection:
        return await store.read_proposals(connection, statuses=statuses, order_id=order_id, before=before, limit=limit)


async def find_proposal(database: Readable, number: int) -> Proposal:
    """Return a proposal. Raise NotFound."""
    async with database.connection() as connection:
        proposal = await store.read_proposal(connection, number)
    if proposal is None:
        raise NotFound(f"proposal {number} does not exist: `checkout proposals list` shows the proposals")
    return proposal
