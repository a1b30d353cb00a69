"""Stores Stripe's events and applies them: in the normal case both in one transaction."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b

import asyncpg

from checkout_daemon.backoff import EVENT_TRIES, event_retry_delay
from checkout_daemon.domain.events import translate
from checkout_daemon.domain.events.envelope import StripeEvent, parse_event
from checkout_daemon.domain.events.reading import UnreadableObject
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.services.causes import error_fingerprint
from checkout_daemon.services.merge import Merged, Update, merge
from checkout_daemon.services.missing_orders import note_objects
from checkout_daemon.store import accounts, events, facts
from checkout_daemon.store.database import AWAY, LOST_RACES, Database, LostRace, confirm_durable
from checkout_daemon.store.events import NewEvent, StoredEvent, Verdict

log = logging.getLogger(__name__)

ACTOR = "stripe"
OTHER_ACCOUNT = "other_account"
_MOST_RETRIED_A_TURN = 200


@dataclass(frozen=True, slots=True)
class Received:
    """An event with the time of its receipt."""

    event: StripeEvent
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one delivery: applied, ignored, failed, or `duplicate`: held already, nothing changed.

    `reason`: why it is ignored, or what failed.
    """

    event_id: str
    type: str
    status: str
    reason: str | None = None


async def apply_batch(database: Database, batch: Sequence[Received]) -> list[Applied]:
    """Store and apply events in one transaction; each one's end, in the order given.

    An event that cannot be applied hurts none of its neighbours: they are tried one by one, and it is stored as failed.
    Raises DatabaseUnavailable, and then nothing of the batch is stored.
    """
    try:
        return await database.run_unconfirmed(_apply, batch)
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if len(batch) > 1:
            log.warning("a batch of %d events is applied one by one after %s", len(batch), type(error).__name__)
            return [(await apply_batch(database, [each]))[0] for each in batch]
        log.exception("event %s could not be applied; it is stored and tried again", batch[0].event.id)
        return [await _store_failed(database, batch[0], error)]


async def reapply(connection: asyncpg.Connection, stored: StoredEvent) -> tuple[Applied, Merged | None]:
    """Apply a stored event again, in the caller's transaction, from its stored payload. Safe to do twice.

    With what was merged, where it tells anything and was merged.

    The caller holds the event's row lock. A failure is recorded with the next attempt's time; the last one is dead.
    """
    now = datetime.now(UTC)
    payload = await events.read_payload(connection, stored)
    if payload is None:
        verdict = Verdict("dead", last_error="its payload is no longer held")
        await events.record_attempt(connection, stored.id, verdict)
        return Applied(stored.id, "", verdict.status, verdict.last_error), None
    event = parse_event(payload.encode())
    merged: Merged | None = None
    try:
        async with connection.transaction():  # a savepoint: the failure is recorded, its half-done work is not
            own = await _own_accounts(connection, [event])
            update, verdict = _translate(Received(event, stored.received_at), own)
            if update is not None:
                merged = await merge(connection, [update])
                verdict = _placed(verdict, merged.order_ids[0])
                if verdict.reason == "no_order":
                    await _note_lost_orders(connection, [Received(event, stored.received_at)])
    except Exception as error:
        # Not the event's fault; but a value that cannot be encoded, an InterfaceError too, is.
        if isinstance(error, (*AWAY, *LOST_RACES)) and not isinstance(error, ValueError):
            raise
        log.exception("event %s failed again", stored.id)
        merged, verdict = None, _failed(error, now, stored.attempts)
    if verdict.status == "failed":
        verdict = _failed_again(verdict, now, stored.attempts)
    await events.record_attempt(connection, stored.id, verdict)
    return Applied(event.id, event.type, verdict.status, verdict.reason or verdict.last_error), merged


async def retry_due_events(database: Database) -> int:
    """Reapply the failed events that are due, one a transaction, and return how many were tried.

    Events that another daemon is working on are skipped.
    """
    for tried in range(_MOST_RETRIED_A_TURN):
        if not await database.run_unconfirmed(_retry_next):
            return tried
    return _MOST_RETRIED_A_TURN


async def _retry_next(connection: asyncpg.Connection) -> bool:
    due = await events.claim_due_event(connection)
    if due is not None:
        await reapply(connection, due)
    return due is not None


async def _apply(connection: asyncpg.Connection, batch: Sequence[Received]) -> list[Applied]:
    own = await _own_accounts(connection, [each.event for each in batch])
    translated = [_translate(each, own) for each in batch]
    nodes = {node for update, _ in translated if update is not None for node in update.nodes}
    if nodes:
        await facts.lock_nodes(connection, nodes)
    # Only now: a copy of an event that another transaction is storing names the same nodes, and has been waited for.
    held = await events.held_events(connection, {each.event.id for each in batch})
    hashes = [body_hash(each.event) for each in batch]
    first: dict[str, int] = {}
    for index, each in enumerate(batch):
        if each.event.id not in held:
            first.setdefault(each.event.id, index)
    fresh = list(first.values())

    update_of = {index: update for index in fresh if (update := translated[index][0]) is not None}
    verdicts = {index: translated[index][1] for index in fresh}
    if update_of:
        merged = await merge(connection, list(update_of.values()), locked=nodes)
        for index, order_id in zip(update_of, merged.order_ids, strict=True):
            verdicts[index] = _placed(verdicts[index], order_id)
        await _note_lost_orders(connection, [batch[each] for each in update_of if verdicts[each].reason == "no_order"])
    if fresh:
        inserted = await events.insert_events(
            connection,
            [NewEvent(batch[each].event, batch[each].received_at, hashes[each], verdicts[each]) for each in fresh],
        )
        if any(batch[each].event.id not in inserted for each in update_of):
            raise LostRace  # stored meanwhile under another body: look again
    else:
        await confirm_durable(connection)  # what another transaction stored is acknowledged here
    _report_other_bodies(batch, hashes, held, first)
    return [
        Applied(each.event.id, each.event.type, verdicts[index].status, verdicts[index].reason)
        if index in verdicts
        else Applied(each.event.id, each.event.type, "duplicate")
        for index, each in enumerate(batch)
    ]


async def _note_lost_orders(connection: asyncpg.Connection, batch: Sequence[Received]) -> None:
    """Note what events of no known order say of orders that this database has lost."""
    if batch:
        await note_objects(connection, [each.event.snapshot(each.received_at).object for each in batch])


async def _own_accounts(connection: asyncpg.Connection, batch: Sequence[StripeEvent]) -> frozenset[str]:
    """Read which accounts are ours, if an event names one: those of our own endpoint name none."""
    return await accounts.own_accounts(connection) if any(each.accounts for each in batch) else frozenset()


def _translate(received: Received, own: frozenset[str]) -> tuple[Update | None, Verdict]:
    """Return what an event tells, and what becomes of it as far as that is clear before its order is known.

    An event of an account that is not among our `own` tells nothing: its money went to somebody else.
    """
    event = received.event
    if event.ignored_because is not None:
        return None, Verdict("ignored", reason=event.ignored_because)
    if not event.accounts <= own:
        return None, Verdict("ignored", reason=OTHER_ACCOUNT)
    try:
        translation = translate(event.type, event.snapshot(received.received_at))
    except Exception as error:  # the edge of one event: whatever is wrong with it, its neighbours go on
        if not isinstance(error, UnreadableObject):
            log.exception("event %s of type %s could not be read", event.id, event.type)
        return None, _failed(error, received.received_at, 0)
    if translation is None:
        return None, Verdict("ignored", reason="unhandled_type")
    if translation.subject_id is None:
        return None, Verdict("ignored", reason="no_order")
    update = Update(
        cause=event.type,
        actor=ACTOR,
        note=event.id,
        subject_id=translation.subject_id,
        links=translation.links,
        facts=translation.facts,
    )
    return update, Verdict("applied", subject_id=translation.subject_id)


def _placed(verdict: Verdict, order_id: str | None) -> Verdict:
    if order_id is None:
        return replace(verdict, status="ignored", reason="no_order")
    return replace(verdict, order_id=order_id)


async def _store_failed(database: Database, received: Received, error: Exception) -> Applied:
    verdict = _failed(error, received.received_at, 0)
    new = NewEvent(received.event, received.received_at, body_hash(received.event), verdict)
    inserted = await database.run(events.insert_events, [new])
    return Applied(received.event.id, received.event.type, verdict.status if inserted else "duplicate")


def _failed(error: Exception, now: datetime, attempts_before: int) -> Verdict:
    next_attempt_at = now + event_retry_delay(attempts_before + 1)
    return Verdict("failed", next_attempt_at=next_attempt_at, last_error=error_fingerprint(error))


def _failed_again(verdict: Verdict, now: datetime, attempts_before: int) -> Verdict:
    if attempts_before + 1 >= EVENT_TRIES:
        return replace(verdict, status="dead", next_attempt_at=None)
    return replace(verdict, next_attempt_at=now + event_retry_delay(attempts_before + 1))


def body_hash(event: StripeEvent) -> bytes:
    return blake2b(event.payload.encode(), digest_size=16).digest()


def _report_other_bodies(
    batch: Sequence[Received], hashes: Sequence[bytes], held: dict[str, bytes], first: dict[str, int]
) -> None:
    """The first body of an event is kept; another one under its id is worth a word."""
    known = held | {event_id: hashes[index] for event_id, index in first.items()}
    other = Counter(each.event.id for each, digest in zip(batch, hashes, strict=True) if known[each.event.id] != digest)
    for event_id in other:
        log.warning("event %s came again with another body: the first is kept", event_id)
