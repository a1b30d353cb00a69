"""Stores Stripe events and applies them: normally both in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import asyncpg
import msgspec
from msgspec.structs import replace

from checkout_daemon.backoff import EVENT_TRIES, event_retry_delay
from checkout_daemon.database.away import AWAY
from checkout_daemon.database.pool import LOST_RACES, Database, LostRace, confirm_durable
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger import event_store
from checkout_daemon.ledger.event_store import HeldEvent, NewEvent, Verdict
from checkout_daemon.ledger.event_types import BALANCE_TYPES
from checkout_daemon.ledger.fingerprints import error_fingerprint
from checkout_daemon.ledger.merge import Merged, Update, load_all, settle
from checkout_daemon.ledger.missing_orders import note_objects
from checkout_daemon.ledger.order_states import State
from checkout_daemon.ledger.own_account import own_accounts
from checkout_daemon.ledger.single_orders import SingleOrders
from checkout_daemon.ledger.translate import translate_event
from checkout_daemon.ledger.translate.envelope import StripeEvent, parse_event
from checkout_daemon.ledger.translate.stripe_objects import UnreadableObject
from checkout_daemon.ledger.writes import Writes, record
from checkout_daemon.model.json_text import decode

log = logging.getLogger(__name__)

ACTOR = "stripe"
OTHER_ACCOUNT = "other_account"
WHY_IGNORED: Mapping[str, str] = {
    "balance": "it is about the balance at Stripe, which is read from Stripe's lists; no order depends on it",
    "no_order": "no known order belongs to the objects it names; if one is found later, the event counts for it",
    "not_an_event": "Stripe signed it, but it is not an event; there is nothing to do",
    OTHER_ACCOUNT: "it names a Stripe account other than that of STRIPE_API_KEY: its money is not this shop's",
    "thin_event": "it only refers to an object; no order depends on it, so there is nothing to do",
    "unhandled_type": "no order depends on events of this type; the endpoint need not send them",
}
"""What each reason of an ignored event means to an operator, and whether there is anything to do."""
_MOST_RETRIED_A_TURN = 200


class ReceivedEvent(msgspec.Struct, frozen=True):
    """An event with the time of its receipt."""

    event: StripeEvent
    received_at: datetime


class Applied(msgspec.Struct, frozen=True):
    """The outcome of one delivery: applied, ignored, failed, or `duplicate`: it was held already, nothing changed.

    `reason` is why it is ignored, or what failed.
    """

    event_id: str
    type: str
    status: str
    reason: str | None = None


class Reapplied(msgspec.Struct, frozen=True):
    """The outcome of an event that was applied again in a batch. `held` is how it was stored.

    `before` and `after` are the states of its order, and `number` that order's, if there is one.
    """

    held: HeldEvent
    verdict: Verdict
    before: State | None = None
    after: State | None = None
    number: int | None = None

    @property
    def found_no_order(self) -> bool:
        """Return whether it names an object that belongs to no known order."""
        return self.verdict.reason == "no_order" and self.verdict.subject_id is not None


class FailsInBatch(Exception):
    """An event of the batch cannot be applied again together with the others."""


async def apply_batch(database: Database, batch: Sequence[ReceivedEvent]) -> list[Applied]:
    """Store and apply events in one transaction and return their outcomes, in the order given.

    An event that cannot be applied does not affect the others: they are applied one by one, and it is stored as failed.
    Raise DatabaseUnavailable if nothing of the batch was stored.
    """
    try:
        return await database.run_unconfirmed(_apply, batch, set())
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if len(batch) > 1:
            log.warning("applying a batch of %d events one by one after %s", len(batch), type(error).__name__)
            return [(await apply_batch(database, [received]))[0] for received in batch]
        log.exception("event %s could not be applied; it is stored and retried", batch[0].event.id)
        return [await _store_failed(database, batch[0], error)]


async def confirm_held(database: Database, batch: Sequence[ReceivedEvent]) -> list[Applied] | None:
    """Return the outcomes of a batch if all of its events are stored and durable, else None.

    That takes one statement, and does not look into the events. Raise DatabaseUnavailable.
    """
    held = await database.run_statement(event_store.confirm_held, {received.event.id for received in batch})
    if any(received.event.id not in held for received in batch):
        return None
    if others := _other_bodies(batch, held, {}):
        with suppress(DatabaseUnavailable):  # they are durable whether or not this can be looked up
            async with database.connection() as connection:
                await _report_other_contents(connection, others)
    return [Applied(received.event.id, received.event.type, "duplicate") for received in batch]


async def reapply(connection: asyncpg.Connection, held: HeldEvent) -> tuple[Applied, Merged | None]:
    """Apply a stored event again from its payload, within the caller's transaction. Safe to do twice.

    Return the outcome, and the merge if there was one. A failure is recorded with the time of the next attempt; after
    the last attempt the event is dead. Raise LostRace if the event has changed since it was read.
    """
    now = datetime.now(UTC)
    if held.payload is None:
        return await _give_up(connection, held), None
    event = parse_event(held.payload.encode())
    merged: Merged | None = None
    try:
        async with connection.transaction():  # a savepoint: a failure is recorded, but not its half-done work
            own = await _own_accounts(connection, [event])
            update, verdict = _translate(ReceivedEvent(event, held.received_at), own)
            if update is not None:
                merged = await _merge_again(connection, [update], [held])
                verdict = _placed(verdict, merged.order_ids[0])
                if verdict.reason == "no_order":
                    await _note_lost_orders(connection, [ReceivedEvent(event, held.received_at)])
    except Exception as error:
        # A lost connection or race is not the event's fault. A value that cannot be encoded, an InterfaceError too, is.
        if isinstance(error, (*AWAY, *LOST_RACES)) and not isinstance(error, ValueError):
            raise
        log.exception("event %s failed again", held.id)
        merged, verdict = None, _failed(error, now, held.attempts)
    if verdict.status == "failed":
        verdict = _failed_again(verdict, now, held.attempts)
    if merged is None:  # nothing is locked, or no longer: the savepoint's locks ended with it
        await event_store.lock_unchanged(connection, [held])
    await event_store.record_attempt(connection, held.id, verdict)
    return Applied(event.id, event.type, verdict.status, verdict.reason or verdict.last_error), merged


class ReadyEvent(msgspec.Struct, frozen=True):
    """A stored event that was decoded and translated ahead, with its update and outcome if it is of an own account."""

    held: HeldEvent
    received: ReceivedEvent
    update: Update | None
    verdict: Verdict


def prepare(held: HeldEvent) -> ReadyEvent:
    """Decode and translate a stored event, for which nothing needs to be locked. Raise FailsInBatch."""
    if held.payload is None:
        raise FailsInBatch(held.id)
    received = ReceivedEvent(parse_event(held.payload.encode()), held.received_at)
    update, verdict = _translate(received, received.event.accounts)
    if verdict.status not in ("applied", "ignored"):
        raise FailsInBatch(held.id)
    return ReadyEvent(held, received, update, verdict)


async def reapply_batch(connection: asyncpg.Connection, batch: Sequence[ReadyEvent]) -> list[Reapplied]:
    """Apply stored events again in sequence, with one merge, within the caller's transaction, and return the outcomes.

    Raise LostRace if one of them has changed since it was read, and anything else if one cannot be applied: the caller
    rolls back, and calls `reapply` for one after the other.
    """
    own = await _own_accounts(connection, [ready.received.event for ready in batch])
    translated = [
        (ready.update, ready.verdict) if ready.received.event.accounts <= own else _translate(ready.received, own)
        for ready in batch
    ]
    updates = [update for update, _ in translated if update is not None]
    merged = await _merge_again(connection, updates, [ready.held for ready in batch])
    states = {order_id: order.state for order_id, order in merged.orders.items()}
    merges = zip(merged.order_ids, merged.steps, strict=True)
    done: list[Reapplied] = []
    for ready, (update, verdict) in zip(batch, translated, strict=True):
        if update is None:
            done.append(Reapplied(ready.held, verdict))
            continue
        order_id, step = next(merges)
        placed = _placed(verdict, order_id)
        before = after = number = None
        if order_id is not None:
            before, after = step.get(order_id) or (states[order_id], states[order_id])
            number = merged.orders[order_id].number
        done.append(Reapplied(ready.held, placed, before, after, number))
        states.update({concern: now for concern, (_, now) in step.items()})
    lost = [ready.received for ready, applied in zip(batch, done, strict=True) if applied.found_no_order]
    await _note_lost_orders(connection, lost)
    await event_store.record_attempts(connection, {applied.held.id: applied.verdict for applied in done})
    return done


async def retry_due_events(database: Database) -> int:
    """Reapply the failed events that are due, one a transaction, and return how many were tried.

    Events that another daemon is working on are skipped.
    """
    for tried in range(_MOST_RETRIED_A_TURN):
        if not await database.run_unconfirmed(_retry_next):
            return tried
    return _MOST_RETRIED_A_TURN


async def _retry_next(connection: asyncpg.Connection) -> bool:
    due = await event_store.claim_due_event(connection)
    if due is not None:
        await reapply(connection, due)
    return due is not None


async def _merge_again(connection: asyncpg.Connection, updates: Sequence[Update], batch: Sequence[HeldEvent]) -> Merged:
    """Merge the updates of stored events. Raise LostRace if one of the events has changed since it was read.

    The rows of events are locked last, as whoever adopts them does: this is why they were read without a lock.
    """
    loaded, singles = await load_all(connection, updates)
    await event_store.lock_unchanged(connection, batch)
    merged, writes = await settle(connection, loaded, updates, singles)
    if writes:
        await record(connection, writes)
    return merged


async def _give_up(connection: asyncpg.Connection, held: HeldEvent) -> Applied:
    """Record that an event cannot be applied any more."""
    await event_store.lock_unchanged(connection, [held])
    verdict = Verdict("dead", last_error="its payload is no longer held")
    await event_store.record_attempt(connection, held.id, verdict)
    return Applied(held.id, "", verdict.status, verdict.last_error)


async def _apply(connection: asyncpg.Connection, batch: Sequence[ReceivedEvent], reached: set[str]) -> list[Applied]:
    """Store and apply events. `reached`: see load_all; the tries of one batch share it."""
    own = await _own_accounts(connection, [received.event for received in batch])
    translated = [_translate(received, own) for received in batch]
    updates = [update for update, _ in translated if update is not None]
    event_ids = {received.event.id for received in batch}
    loaded, singles = await load_all(connection, updates, event_ids=event_ids, reached=reached)
    held = loaded.events
    first: dict[str, int] = {}
    for index, received in enumerate(batch):
        if received.event.id not in held:
            first.setdefault(received.event.id, index)

    update_of = {index: update for index in first.values() if (update := translated[index][0]) is not None}
    verdicts = {index: translated[index][1] for index in first.values()}
    fresh = list(update_of.values())
    if len(fresh) != len(updates):
        singles = SingleOrders(loaded, fresh)
    merged, writes = await settle(connection, loaded, fresh, singles)
    for index, order_id in zip(update_of, merged.order_ids, strict=True):
        verdicts[index] = _placed(verdicts[index], order_id)
    await _note_lost_orders(connection, [batch[index] for index in update_of if verdicts[index].reason == "no_order"])
    if first:
        new = [NewEvent(batch[index].event, batch[index].received_at, verdict) for index, verdict in verdicts.items()]
        stored = await record(connection, writes, new)
        if any(batch[index].event.id not in stored for index in update_of):
            raise LostRace  # stored meanwhile with another body: look again
        if len(stored) < len(new):  # we acknowledge events that another transaction stored
            await confirm_durable(connection)
    else:
        await confirm_durable(connection)  # we acknowledge events that another transaction stored
    if others := _other_bodies(batch, held, first):
        await _report_other_contents(connection, others)
    return [
        Applied(received.event.id, received.event.type, verdicts[index].status, verdicts[index].reason)
        if index in verdicts
        else Applied(received.event.id, received.event.type, "duplicate")
        for index, received in enumerate(batch)
    ]


async def _note_lost_orders(connection: asyncpg.Connection, batch: Sequence[ReceivedEvent]) -> None:
    """Note the orders that these events name and that this database does not hold."""
    if batch:
        await note_objects(connection, [received.event.whole_object() for received in batch])


async def _own_accounts(connection: asyncpg.Connection, batch: Sequence[StripeEvent]) -> frozenset[str]:
    """Return our accounts if an event names one; events of our own endpoint do not."""
    return await own_accounts(connection) if any(event.accounts for event in batch) else frozenset()


def _translate(received: ReceivedEvent, own: frozenset[str]) -> tuple[Update | None, Verdict]:
    """Return the update that an event makes, and its outcome as far as that is known before its order is.

    An event of an account that is not among our `own` makes none: its money went to somebody else.
    """
    event = received.event
    if event.ignored_because is not None:
        return None, Verdict("ignored", reason=event.ignored_because)
    if not event.accounts <= own:
        return None, Verdict("ignored", reason=OTHER_ACCOUNT)
    try:
        translation = translate_event(event, received.received_at)
    except Exception as error:  # the edge of one event: whatever is wrong with it, the others of its batch are applied
        if not isinstance(error, UnreadableObject):
            log.exception("event %s of type %s could not be translated", event.id, event.type)
        return None, _failed(error, received.received_at, 0)
    if translation is None:
        return None, Verdict("ignored", reason="balance" if event.type in BALANCE_TYPES else "unhandled_type")
    if translation.subject_id is None:
        return None, Verdict("ignored", reason="no_order")
    update = Update(
        cause=event.type,
        actor=ACTOR,
        note=event.id,
        subject_id=translation.subject_id,
        links=translation.links,
        facts=translation.facts,
        address=translation.address,
    )
    return update, Verdict("applied", subject_id=translation.subject_id)


def _placed(verdict: Verdict, order_id: str | None) -> Verdict:
    if order_id is None:
        return replace(verdict, status="ignored", reason="no_order")
    return replace(verdict, order_id=order_id)


async def _store_failed(database: Database, received: ReceivedEvent, error: Exception) -> Applied:
    verdict = _failed(error, received.received_at, 0)
    new = NewEvent(received.event, received.received_at, verdict)
    stored = await database.run(record, Writes(), [new])
    return Applied(received.event.id, received.event.type, verdict.status if stored else "duplicate")


def _failed(error: Exception, now: datetime, attempts_before: int) -> Verdict:
    next_attempt_at = now + event_retry_delay(attempts_before + 1)
    return Verdict("failed", next_attempt_at=next_attempt_at, last_error=error_fingerprint(error))


def _failed_again(verdict: Verdict, now: datetime, attempts_before: int) -> Verdict:
    if attempts_before + 1 >= EVENT_TRIES:
        return replace(verdict, status="dead", next_attempt_at=None)
    return replace(verdict, next_attempt_at=now + event_retry_delay(attempts_before + 1))


def _other_bodies(
    batch: Sequence[ReceivedEvent], held: Mapping[str, bytes], first: Mapping[str, int]
) -> list[StripeEvent]:
    """Return the events whose body is not, byte for byte, the one that came first under their id."""
    known = {**held, **{event_id: batch[index].event.body_hash for event_id, index in first.items()}}
    return [received.event for received in batch if known[received.event.id] != received.event.body_hash]


async def _report_other_contents(connection: asyncpg.Connection, others: Sequence[StripeEvent]) -> None:
    """Log those of the events that came with another content than the first, or that cannot be compared any more."""
    stored = await event_store.read_events(connection, {event.id for event in others})
    for event in others:
        kept = stored.get(event.id)
        if kept is not None and kept.payload is None:
            log.warning("event %s was delivered again with another body, and the first is not held any more", event.id)
        elif kept is not None and kept.payload is not None and _contradicts(kept.payload, event.payload):
            log.warning("event %s was delivered again with another content: the first is kept", event.id)


def _contradicts(kept: str, payload: str) -> bool:
    """Return whether two bodies of one event differ in more than the writing.

    Stripe's list of events is written with other blanks than a delivery is, `pending_webhooks` counts the deliveries
    that are still to come, and endpoints of different API versions get different objects.
    """
    first, second = ({**event, "pending_webhooks": None} for event in (decode(kept), decode(payload)))
    return first != second and first.get("api_version") == second.get("api_version")
