"""Lists and shows batches, and stops them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from checkout_daemon.audit.operators import Operator
from checkout_daemon.batches import batch_store
from checkout_daemon.batches.records import Batch, BatchItem
from checkout_daemon.database.pool import Database
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import pages
from checkout_daemon.errors import CheckoutError, NotFound

_AFTER_ALL = 2**62
_LONGEST_NUMBER = 18  # digits


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """Which batches a list contains: those that meet every condition that is set. `until` is exclusive.

    `actor` is a part of the operator's name, in any case.
    """

    statuses: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    order_id: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ALL_BATCHES = BatchFilter()


class NotRunning(CheckoutError, code="batch_not_running", status=409, exit_code=4, title="The batch is not running"):
    """The batch is stopped or finished already."""


@dataclass(frozen=True, slots=True)
class Money:
    """The money that a batch is about in one currency, and that of the items that were done, in minor units."""

    currency: str
    amount: int
    done: int


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch with its money, if its act is about any, and its failures by kind."""

    batch: Batch
    money: tuple[Money, ...]
    failures: tuple[tuple[str, int], ...]


def all_batches(
    database: Readable, wanted: BatchFilter = ALL_BATCHES, *, limit: int | None = None, before: int | None = None
) -> AsyncIterator[list[Batch]]:
    """Return the pages of a list of batches, newest first, up to `limit` batches; those with numbers below `before`."""

    async def read(size: int, last: Batch | None) -> list[Batch]:
        return await page_of_batches(database, wanted, limit=size, before=before if last is None else last.number)

    return pages(read, limit)


async def page_of_batches(
    database: Readable, wanted: BatchFilter = ALL_BATCHES, *, limit: int, before: int | None = None
) -> list[Batch]:
    """Return the newest batches, of those with numbers below `before`."""
    async with database.connection() as connection:
        return await batch_store.list_batches(
            connection,
            wanted.statuses,
            wanted.acts,
            wanted.order_id,
            wanted.actor,
            wanted.since,
            wanted.until,
            limit=limit,
            before=before or _AFTER_ALL,
        )


async def find_batch(database: Readable, text: str) -> Batch:
    """Return the batch with this number. Raise NotFound, also for what is no number."""
    if not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise NotFound(f"batch {text} does not exist: `checkout batches list` shows the batches")
    return (await show_batch(database, int(text))).batch


def all_items(
    database: Readable, number: int, statuses: Sequence[str] = (), *, limit: int | None = None
) -> AsyncIterator[list[BatchItem]]:
    """Return the pages of a batch's items, in sequence."""

    async def read(size: int, last: BatchItem | None) -> list[BatchItem]:
        async with database.connection() as connection:
            after = 0 if last is None else last.position
            return await batch_store.list_items(connection, number, statuses, limit=size, after=after)

    return pages(read, limit)


async def show_batch(database: Readable, number: int) -> BatchView:
    """Return a batch with its sums. Raise NotFound."""
    async with database.connection() as connection:
        batch = await batch_store.read_batch(connection, number)
        if batch is None:
            raise NotFound(f"batch {number} does not exist: `checkout batches list` shows the batches")
        money = await batch_store.sum_items(connection, number) if batch.act.is_of_money else []
        failures = await batch_store.count_failures(connection, number)
    return BatchView(batch, tuple(Money(*line) for line in money), tuple(failures))


async def stop_batch(database: Database, number: int, *, operator: Operator) -> Batch:
    """Stop a running batch once the item under way has ended. Raise NotFound, NotRunning."""
    stopped = await database.run_unconfirmed(batch_store.stop_batch, number, f"stopped by {operator.actor}")
    batch = (await show_batch(database, number)).batch
    if not stopped:
        raise NotRunning(f"batch {number} is {batch.status}, not running")
    return batch
