"""Reads and writes batches and their items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.audit.operators import Operator
from checkout_daemon.batches.records import (
    UNAPPROVED,
    Batch,
    BatchAct,
    BatchItem,
    BatchOptions,
    ItemStatus,
    PlannedItem,
)
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns, record_of
from checkout_daemon.orders.approvals import Approval

LEASE = timedelta(minutes=2)
"""Longer than any item takes: when it expires, a daemon takes the batch over."""


@dataclass(frozen=True, slots=True)
class ItemEnd:
    """How an item ended. `kind` is that of a failure."""

    position: int
    status: ItemStatus
    kind: str | None
    outcome: str


async def insert_batch(
    connection: asyncpg.Connection,
    act: BatchAct,
    options: BatchOptions,
    items: Sequence[PlannedItem],
    holder: str,
    *,
    operator: Operator,
    note: str,
    livemode: bool | None,
) -> int:
    """Insert a batch that its holder runs, and return its number."""
    number: int = await connection.fetchval(
        sql("insert_batch"),
        act,
        msgspec.json.encode(options).decode(),
        note,
        operator.user,
        operator.host,
        livemode,
        holder,
        LEASE,
        *columns(items, "subject", "order_id", "object_id", "amount", "currency", "refusal"),
    )
    return number


async def claim_batch(connection: asyncpg.Connection, number: int, holder: str, *, take_over: bool) -> bool:
    """Claim a batch to continue it. Return False if another process holds it, or it is finished or does not exist."""
    return await connection.fetchval(sql("claim_batch"), number, holder, LEASE, take_over) is not None


async def claim_left_batch(connection: asyncpg.Connection, holder: str, *, livemode: bool) -> int | None:
    """Claim a running batch whose runner has died, and return its number, or None."""
    number: int | None = await connection.fetchval(sql("claim_left_batch"), holder, LEASE, livemode)
    return number


async def release_batch(connection: asyncpg.Connection, number: int, holder: str, *, why: str | None) -> None:
    """Release a batch: finished if no item waits, else stopped if there is a `why`, else left to a daemon."""
    await connection.execute(sql("release_batch"), number, holder, why)


async def stop_batch(connection: asyncpg.Connection, number: int, why: str) -> bool:
    """Stop a batch after the item under way. Return False unless it was running."""
    return await connection.fetchval(sql("stop_batch"), number, why) is not None


async def begin_item(connection: asyncpg.Connection, number: int, holder: str) -> tuple[BatchItem, str] | None:
    """Begin the next item, and return it with the batch's note, which may have been erased since the batch began.

    Return None if none is left, the batch was stopped, or another process has it now.
    """
    row = await connection.fetchrow(sql("begin_batch_item"), number, holder, LEASE)
    return None if row is None else (record_of(BatchItem, row), row["note"])


async def next_items(
    connection: asyncpg.Connection, number: int, holder: str, limit: int
) -> tuple[list[BatchItem], str]:
    """Return the next items and the batch's note, under the same conditions, without marking the items as begun."""
    rows = await connection.fetch(sql("next_batch_items"), number, holder, limit)
    return [record_of(BatchItem, row) for row in rows], rows[0]["note"] if rows else ""


async def end_items(
    connection: asyncpg.Connection, number: int, holder: str, ends: Sequence[ItemEnd]
) -> list[BatchItem]:
    """Record how items ended, and stop the batch at the first failure of a kind. Return none if it was taken over."""
    rows = await connection.fetch(
        sql("end_batch_items"), number, holder, LEASE, *columns(ends, "position", "status", "kind", "outcome")
    )
    return sorted((record_of(BatchItem, row) for row in rows), key=lambda item: item.position)


async def read_batch(connection: asyncpg.Connection, number: int) -> Batch | None:
    """Return a batch, or None if it does not exist."""
    row = await connection.fetchrow(sql("read_batch"), number)
    return None if row is None else _batch(row)


async def approval_of(connection: asyncpg.Connection, number: int) -> tuple[Approval, bool] | None:
    """Return the proposal of a batch, if it needs one, and whether it was approved."""
    row = await connection.fetchrow(sql("approval_of_batch"), number)
    return None if row is None else (Approval(row["number"], row["proposed_by"]), row["status"] == "approved")


async def list_batches(
    connection: asyncpg.Connection,
    statuses: Sequence[str],
    acts: Sequence[str],
    order_id: str | None,
    actor: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    limit: int,
    before: int,
) -> list[Batch]:
    """Return batches with numbers below `before`, newest first."""
    rows = await connection.fetch(
        sql("list_batches"), list(statuses) or None, before, limit, list(acts) or None, actor, since, until, order_id
    )
    return [_batch(row) for row in rows]


async def list_items(
    connection: asyncpg.Connection, number: int, statuses: Sequence[str], *, limit: int, after: int
) -> list[BatchItem]:
    """Return items of a batch with positions above `after`, in sequence."""
    rows = await connection.fetch(sql("list_batch_items"), number, list(statuses) or None, after, limit)
    return [record_of(BatchItem, row) for row in rows]


async def sum_items(connection: asyncpg.Connection, number: int) -> list[tuple[str, int, int]]:
    """Return (currency, amount, amount of the items done) of a batch."""
    return [tuple(row) for row in await connection.fetch(sql("sum_batch_items"), number)]


async def count_failures(connection: asyncpg.Connection, number: int) -> list[tuple[str, int]]:
    """Return (kind, count) of a batch's failures, the most frequent first."""
    return [tuple(row) for row in await connection.fetch(sql("count_batch_failures"), number)]


def _batch(row: asyncpg.Record) -> Batch:
    fields = dict(row)
    fields["act"] = BatchAct(fields["act"])
    fields["options"] = msgspec.json.decode(fields["options"], type=BatchOptions)
    fields["operator"] = Operator(fields.pop("operator"), fields.pop("host"), fields["number"])
    fields["why"] = UNAPPROVED.get(fields["approval"], fields["why"])
    return Batch(**fields)
