"""Runs batches: items in sequence, each by the use case of the single act, until the first failure of a new kind.

One process at a time runs a batch, by a lease. An item is marked as begun before its act and as ended after it; whoever
takes over an item that was begun finds what was done of it: a refund by its request, anything else by its audit entry.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from asyncio import CancelledError
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import asyncpg

from checkout_daemon.audit.rights import AboveLimit, OperatorRole, require_role
from checkout_daemon.backoff import BUSY_STRIPE_SECONDS
from checkout_daemon.batches import batch_store
from checkout_daemon.batches.acts import ORDER_ACTS, act_on_order
from checkout_daemon.batches.batch_store import ItemEnd
from checkout_daemon.batches.records import Batch, BatchAct, BatchItem, BatchStatus, ItemStatus
from checkout_daemon.database.leases import LeaseLost
from checkout_daemon.database.pool import LOST_RACES
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, NotFound, StripeUnavailable
from checkout_daemon.events.replaying import ReplayedEvent, replay_many
from checkout_daemon.ledger.fingerprints import error_fingerprint
from checkout_daemon.outbox.outbox_store import replay_messages, statuses_of
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeFailed, StripeSilent
from checkout_daemon.stripe_api.throttle import CALLS_PER_SECOND, at_most

WAITED = "was already waiting to be sent"
"""The outcome of a message that was not queued again, because it was queued or is due anyway."""
_REFUSED = 4  # the exit code of a refusal because of the order's state
_GROUP = 1000  # events or messages that are read at once
_VARYING = re.compile(r"\S*(?:[\d@]|\b[a-z]{2,4}_)\S*")  # ids, amounts, addresses
_LONGEST_KIND = 200
_INTERRUPTIONS = (StripeUnavailable, DatabaseUnavailable, *LOST_RACES)


class BatchHeld(CheckoutError, code="batch_held", status=409, exit_code=4, title="Another process runs the batch"):
    """Another process runs the batch."""


class BatchOver(CheckoutError, code="batch_over", status=409, exit_code=4, title="The batch is finished"):
    """Every item of the batch has ended."""


class NotApproved(CheckoutError, code="not_approved", status=409, exit_code=4, title="The batch is not approved"):
    """No operator may do the batch alone, and its proposal is open, has expired or was rejected."""


class OtherModeBatch(CheckoutError, code="other_mode", status=409, exit_code=4, title="The batch is of the other mode"):
    """The batch was started with a key of the other mode."""


@dataclass(frozen=True, slots=True)
class EndedItem:
    """An item that has just ended: `result` is the use case's, `error` what failed or was refused."""

    item: BatchItem
    result: Any = None
    error: Exception | None = None


def new_holder() -> str:
    """Return a name for this run of a batch: host, process and a random part."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"


async def resume_batch(
    runtime: Runtime, number: int, *, take_over: bool = False, stop_when_cancelled: bool = True
) -> AsyncGenerator[list[EndedItem], None]:
    """Claim a batch and continue it, as `run_batch` does. Raise as `claim_batch` does."""
    holder = await claim_batch(runtime, number, take_over=take_over)
    async with aclosing(run_batch(runtime, number, holder, stop_when_cancelled=stop_when_cancelled)) as ended:
        async for items in ended:
            yield items


async def claim_batch(runtime: Runtime, number: int, *, take_over: bool = False) -> str:
    """Claim a batch, and return the name under which to run it. `take_over`: also from a process that seems to run it.

    That is safe: the other process ends after its item, and whatever both do of one item is done once.
    Raise NotFound, BatchHeld, BatchOver, OtherModeBatch, NotApproved.
    """
    holder = new_holder()
    await check_resumable(runtime, number)
    if not await runtime.database.run_unconfirmed(batch_store.claim_batch, number, holder, take_over=take_over):
        await check_resumable(runtime, number)  # it may have ended just now
        batch = await read_batch(runtime, number)
        raise BatchHeld(
            f"batch {number} is being run by {batch.runner}: `checkout batches show {number}` shows its progress; if "
            f"that process is gone, a daemon continues it within two minutes"
        )
    return holder


async def check_resumable(runtime: Runtime, number: int) -> None:
    """Raise NotFound, BatchOver or NotApproved, or OtherModeBatch if our key is of the other mode than the batch."""
    batch = await read_batch(runtime, number)
    if batch.livemode not in (None, runtime.settings.livemode):
        raise OtherModeBatch(f"batch {number} was started with a key of the other mode (livemode={batch.livemode})")
    if batch.is_unapproved:
        raise NotApproved(f"batch {number} {batch.why}: `checkout proposals show {batch.proposal}`")
    if batch.status == BatchStatus.FINISHED:
        raise BatchOver(f"batch {number} is finished: `checkout batches show {number}` is its report")


async def run_left_batches(runtime: Runtime) -> int:
    """Continue batches whose processes died, under the names of those who asked. Return how many items ended."""
    ended = 0
    holder = new_holder()
    while True:
        number = await runtime.database.run_unconfirmed(
            batch_store.claim_left_batch, holder, livemode=runtime.settings.livemode
        )
        if number is None:
            return ended
        async with aclosing(run_batch(runtime, number, holder, stop_when_cancelled=False)) as groups:
            async for items in groups:
                ended += len(items)


async def run_batch(
    runtime: Runtime, number: int, holder: str, *, stop_when_cancelled: bool
) -> AsyncGenerator[list[EndedItem], None]:
    """Run a batch that the holder has claimed, and yield the items as they end, until it is finished or stopped.

    If this process is cancelled, the batch is stopped, or left to a daemon. If Stripe or the database interrupts it,
    the item is begun again after a pause. After several pauses the item waits: without Stripe the batch is stopped,
    without the database it is left to a daemon. An error that nobody foresaw stops it too: as the oldest of those that
    are left, it would hold up all others.
    Raise StripeUnavailable, DatabaseUnavailable, LeaseLost.
    """
    why: str | None = None
    groups = _patiently(runtime, number, holder, may_wait=not stop_when_cancelled)
    try:
        async with aclosing(groups):
            async for ended in groups:
                yield ended
    except (DatabaseUnavailable, LeaseLost):
        raise
    except (GeneratorExit, CancelledError):
        why = "interrupted" if stop_when_cancelled else None
        raise
    except Exception as error:
        why = error.detail if isinstance(error, CheckoutError) else error_fingerprint(error)
        raise
    finally:
        # Without a database, the lease expires.
        with suppress(DatabaseUnavailable):
            await runtime.database.run_unconfirmed(batch_store.release_batch, number, holder, why=why)


async def read_batch(runtime: Runtime, number: int) -> Batch:
    """Return a batch. Raise NotFound."""
    async with runtime.database.connection() as connection:
        batch = await batch_store.read_batch(connection, number)
    if batch is None:
        raise NotFound(f"batch {number} does not exist: `checkout batches list` shows the batches")
    return batch


async def _patiently(
    runtime: Runtime, number: int, holder: str, *, may_wait: bool
) -> AsyncGenerator[list[EndedItem], None]:
    """Run a batch through interruptions: an item that was begun is begun again, and what was done of it is found.

    Without `may_wait`, raise at once if Stripe is silent before any item has ended: the operator waits.
    """
    pauses = iter(BUSY_STRIPE_SECONDS)
    while True:
        try:
            batch = await read_batch(runtime, number)
            run = _one_by_one if batch.act in ORDER_ACTS else _in_groups
            async with aclosing(run(runtime, batch, holder)) as groups:
                async for ended in groups:
                    pauses, may_wait = iter(BUSY_STRIPE_SECONDS), True
                    yield ended
            return
        except _INTERRUPTIONS as error:
            silent = isinstance(error, StripeSilent) or isinstance(error.__cause__, StripeSilent)
            pause = None if silent and not may_wait else next(pauses, None)
            if pause is None:
                raise
            await asyncio.sleep(pause)


async def _one_by_one(runtime: Runtime, batch: Batch, holder: str) -> AsyncGenerator[list[EndedItem], None]:
    calls = ORDER_ACTS[batch.act].calls
    rate = batch.options.rate or (CALLS_PER_SECOND / calls if calls else None)
    pace = None if rate is None else at_most(rate)
    for left in range(batch.waiting, -1, -1):
        if pace is not None and left:  # nothing waits for the end
            await pace()
        begun = await runtime.database.run_unconfirmed(batch_store.begin_item, batch.number, holder)
        if begun is None:
            return
        item, note = begun
        batch = replace(batch, note=note)
        result, error = None, None
        try:
            done = await act_on_order(runtime, batch, item)
            result, end = done.result, ItemEnd(item.position, ItemStatus.DONE, None, done.outcome)
        except LeaseLost:
            raise
        except Exception as failure:
            if isinstance(failure, _INTERRUPTIONS) and not isinstance(failure, StripeFailed):
                raise
            error, end = failure, _failed(item, failure)
        (ended,) = await _end(runtime, batch, holder, [end])
        yield [EndedItem(ended, result, error)]


async def _in_groups(runtime: Runtime, batch: Batch, holder: str) -> AsyncGenerator[list[EndedItem], None]:
    done = 0
    while True:
        items, note = await runtime.database.run_unconfirmed(batch_store.next_items, batch.number, holder, _GROUP)
        if not items:
            return
        batch = replace(batch, note=note)
        if batch.act is BatchAct.REPLAY_EVENTS:
            groups = _replay_events(runtime, batch, holder, items, done)
        else:
            groups = _replay_messages(runtime, batch, holder, items)
        done += len(items)
        async with aclosing(groups):
            async for ended in groups:
                yield ended


async def _replay_events(
    runtime: Runtime, batch: Batch, holder: str, items: list[BatchItem], after: int
) -> AsyncGenerator[list[EndedItem], None]:
    """Replay events until one fails; repeating what was replayed before a kill changes nothing."""
    left = items[::-1]
    replays = replay_many(
        runtime.database, [item.subject for item in items], operator=batch.operator, note=batch.note, after=after
    )
    try:
        async with aclosing(replays):
            async for replayed in replays:
                group = [left.pop() for _ in replayed]
                ends = [_replayed(item, one) for item, one in zip(group, replayed, strict=True)]
                ended = await _end(runtime, batch, holder, ends)
                yield [EndedItem(item, one) for item, one in zip(ended, replayed, strict=True)]
    except LeaseLost:
        raise
    except CheckoutError as error:  # refused, unknown, or the operator may not act any more
        if isinstance(error, _INTERRUPTIONS):
            raise
        item = left.pop()
        yield [EndedItem((await _end(runtime, batch, holder, [_failed(item, error)]))[0], error=error)]


def _replayed(item: BatchItem, replayed: ReplayedEvent) -> ItemEnd:
    outcome = replayed.outcome
    if replayed.ok:
        return ItemEnd(item.position, ItemStatus.DONE, None, outcome.status)
    return ItemEnd(item.position, ItemStatus.FAILED, outcome.last_error or outcome.status, outcome.last_error or "")


async def _replay_messages(
    runtime: Runtime, batch: Batch, holder: str, items: list[BatchItem]
) -> AsyncGenerator[list[EndedItem], None]:
    """Queue messages and end their items in one transaction, so that none is sent twice."""
    yield [EndedItem(item) for item in await runtime.database.run(_queue, batch, holder, items)]


async def _queue(connection: asyncpg.Connection, batch: Batch, holder: str, items: list[BatchItem]) -> list[BatchItem]:
    await require_role(connection, batch.operator, OperatorRole.ACT)  # it may have been lost since the batch began
    ids = [item.subject for item in items]
    queued = await replay_messages(connection, ids, only=batch.options.statuses)
    statuses = await statuses_of(connection, ids)
    ends = [
        ItemEnd(item.position, ItemStatus.DONE, None, "will be sent again")
        if item.subject in queued
        else ItemEnd(item.position, ItemStatus.SKIPPED, None, _why_not_queued(statuses.get(item.subject)))
        for item in items
    ]
    return _still_ours(batch.number, await batch_store.end_items(connection, batch.number, holder, ends))


def _why_not_queued(status: str | None) -> str:
    if status is None:
        return "is not stored any more"
    return WAITED if status in ("queued", "failed") else f"is {status} by now"


async def _end(runtime: Runtime, batch: Batch, holder: str, ends: list[ItemEnd]) -> list[BatchItem]:
    ended = await runtime.database.run_unconfirmed(batch_store.end_items, batch.number, holder, ends)
    return _still_ours(batch.number, ended)


def _still_ours(number: int, ended: list[BatchItem]) -> list[BatchItem]:
    if not ended:
        raise LeaseLost(f"batch {number} was taken over by another process, which continues it")
    return ended


def _failed(item: BatchItem, error: Exception) -> ItemEnd:
    if not isinstance(error, CheckoutError):
        fingerprint = error_fingerprint(error)
        return ItemEnd(item.position, ItemStatus.FAILED, fingerprint, fingerprint)
    if error.exit_code == _REFUSED and not isinstance(error, AboveLimit):  # which the operator can propose
        return ItemEnd(item.position, ItemStatus.SKIPPED, None, error.detail)
    kind = _VARYING.sub("…", error.detail)[:_LONGEST_KIND]
    return ItemEnd(item.position, ItemStatus.FAILED, f"{error.code}: {kind}", error.detail)
