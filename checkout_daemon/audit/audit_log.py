"""The audit log: records what operators do, anchors the entries, and verifies them."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache

import asyncpg
from msgspec import structs

from checkout_daemon.audit import audit_store as store
from checkout_daemon.audit.anchors import Published, publish_anchors
from checkout_daemon.audit.chain import (
    FIRST_PREV_HASH,
    Anchor,
    AuditEntry,
    AuditKeys,
    Head,
    canonical,
    fault_of_anchor,
    fault_of_entry,
    hash_anchor,
    hash_entry,
    hash_personal,
    key_id_of,
)
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import require_act
from checkout_daemon.audit.traces import LoggedActions
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import FieldError, InvalidRequest
from checkout_daemon.ledger.merge import Merged, Update, merge
from checkout_daemon.ledger.order_states import State
from checkout_daemon.model.text import WORD_MARKS, trimmed, unusable
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings

log = logging.getLogger(__name__)

ONCE_A_BATCH = ("order.noted", "order.acknowledged", "order.canceled", "session.resent")
"""The kinds that end an item of a batch: each order has at most one such entry of a batch."""
_LONGEST_NOTE = 2000
NO_ORDER = "00000000-0000-0000-0000-000000000000"
"""The chain of what is about no order."""
_HEADS_AN_ANCHOR = 10_000
_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """An action of an operator, and why. `details` are ids, codes and amounts: nothing that names a person."""

    kind: str
    operator: Operator
    note: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActedOn:
    """An action and its order, with the order's state before and after it; NO_ORDER has no state."""

    order_id: str
    action: OperatorAction
    before: State | None = None
    after: State | None = None


class DoneBefore(Exception):
    """The batch has done this to the order before, in another process or before a kill; nothing was changed."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of verify. Without faults, nothing was changed, removed or inserted. `last_anchor` in hexadecimal."""

    orders: int
    entries: int
    anchors: int
    last_anchor: str | None
    faults: Sequence[str]


def check_note(note: str) -> str:
    """Return the note without surrounding blanks. Raise InvalidRequest if it cannot be stored or shown."""
    note = trimmed(note)
    if len(note) > _LONGEST_NOTE:
        detail = f"the note is too long: it may have at most {_LONGEST_NOTE} characters"
        raise InvalidRequest([FieldError("/note", "invalid_note", detail)])
    if (found := unusable(note, allow="\n\t" + WORD_MARKS)) is not None:
        detail = f"the note contains a character that cannot be used: {found}; remove it"
        raise InvalidRequest([FieldError("/note", "invalid_note", detail)])
    return note


def check_reason(note: str) -> str:
    """Return the note as check_note does. Raise InvalidRequest if it has no text."""
    if not (note := check_note(note)):
        raise InvalidRequest([FieldError("/note", "invalid_note", "a note is needed: add --note TEXT with the reason")])
    return note


async def act(connection: asyncpg.Connection, order_id: str, action: OperatorAction, update: Update) -> Merged:
    """Merge the update of an operator's action, and record the action with the order's state before and after it."""
    merged = await merge(connection, [update])
    await record(connection, order_id, action, before=merged.orders[order_id].state, after=state_of(merged, order_id))
    return merged


async def record(
    connection: asyncpg.Connection, order_id: str, action: OperatorAction, *, before: State, after: State
) -> None:
    """Append an entry to the order's chain. The caller's transaction must have locked the order's row."""
    await record_all(connection, [ActedOn(order_id, action, before, after)])


async def record_all(connection: asyncpg.Connection, acted: Sequence[ActedOn]) -> None:
    """Append an entry for each to its order's chain, in sequence. The transaction must have locked the orders' rows.

    Raise DoneBefore if a batch would repeat one of ONCE_A_BATCH, so that the transaction is rolled back, and
    NotAnOperator or RoleTooLow if there are operators, and one of these may not act.
    """
    await require_act(connection, {one.action.operator for one in acted})
    for one in acted:
        batch = one.action.operator.batch
        kind = one.action.kind
        if batch is not None and kind in ONCE_A_BATCH and await done_before(connection, one.order_id, batch, kind):
            raise DoneBefore
    heads = await store.read_heads(connection, {one.order_id for one in acted})
    entries = []
    for one in acted:
        entry = _entry(one, heads.get(one.order_id))
        heads[one.order_id] = Head(entry.order_id, entry.number, entry.hash)
        entries.append(entry)
    await store.append(connection, entries, heads.values())


async def record_without_order(connection: asyncpg.Connection, actions: Sequence[OperatorAction]) -> None:
    """Append an entry for each action that is about no order, or about one that is not known."""
    await store.lock_shop(connection)
    await record_all(connection, [ActedOn(NO_ORDER, action) for action in actions])


async def find_action(
    connection: asyncpg.Connection, order_id: str | None, kind: str, details: Mapping[str, object]
) -> AuditEntry | None:
    """Return the latest entry of this kind and with exactly these details in an order's chain, or in that without."""
    return await store.find_entry(connection, order_id or NO_ORDER, kind, canonical(details))


async def done_before(connection: asyncpg.Connection, order_id: str, batch: int, kind: str) -> bool:
    """Return whether the order has an entry of this kind by this batch."""
    return await store.acted_in_batch(connection, order_id, batch, kind)


def _entry(acted: ActedOn, head: Head | None) -> AuditEntry:
    action = acted.action
    salt = secrets.token_bytes(32)
    personal = canonical({"note": action.note})
    entry = AuditEntry(
        order_id=acted.order_id,
        number=1 if head is None else head.number + 1,
        at=datetime.now(UTC),
        kind=action.kind,
        operator=action.operator.user,
        host=action.operator.host,
        details=canonical(
            {**action.details, "batch": action.operator.batch} if action.operator.batch else action.details
        ),
        before=_state(acted.before),
        after=_state(acted.after),
        personal=personal,
        salt=salt,
        personal_hash=hash_personal(personal, salt),
        prev_hash=FIRST_PREV_HASH if head is None else head.hash,
        hash=b"",
    )
    return structs.replace(entry, hash=hash_entry(entry))


def state_of(merged: Merged, order_id: str) -> State:
    """Return the order's state after a merge."""
    return State.of(merged.derived(order_id))


def keys_of(settings: Settings) -> AuditKeys:
    """Return the keys in the settings."""
    return AuditKeys(settings.audit_keys, settings.audit_key_since)


async def anchor_log(runtime: Runtime) -> int:
    """Anchor every changed chain head, write new anchors to the file of CHECKOUT_AUDIT_ANCHOR, and return the count."""
    anchored = await anchor(runtime.database, keys_of(runtime.settings))
    if runtime.settings.audit_anchor is not None:
        await publish_anchors(runtime.database, runtime.settings.audit_anchor)
    return anchored


async def anchor(database: Database, keys: AuditKeys | None = None) -> int:
    """Anchor the heads that moved and return their number.

    The anchor's hash is logged too, out of reach of whoever can write to the database.
    """
    return await database.run_unconfirmed(_anchor, keys or AuditKeys())


async def verify(database: Database, keys: AuditKeys | None = None, published: Published | None = None) -> AuditReport:
    """Verify all entries and anchors as of one moment, also against the traces of actions and the published anchors."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return await _verify(connection, keys or AuditKeys(), published)


async def _anchor(connection: asyncpg.Connection, keys: AuditKeys) -> int:
    if not await store.lock_anchors(connection):
        return 0
    number, prev_hash, prev_key = await store.last_anchor(connection) or (0, FIRST_PREV_HASH, None)
    if keys.signing is not None and number and prev_key is None:
        await store.loosen_heads(connection)  # so that the first signature covers every entry
    heads = await store.loose_heads(connection, _HEADS_AN_ANCHOR)
    if not heads:
        return 0
    key_id = None if keys.signing is None else key_id_of(keys.signing)
    new = Anchor(number + 1, datetime.now(UTC), prev_hash, b"", heads, key_id)
    new = replace(new, hash=hash_anchor(new, keys.signing))
    await store.insert_anchor(connection, new)
    log.info("audit log: anchor %d over %d orders is %s", new.number, len(heads), new.hash.hex())
    return len(heads)


async def _verify(connection: asyncpg.Connection, keys: AuditKeys, published: Published | None) -> AuditReport:
    faults: list[str] = []
    orders = entries = anchors = 0
    actions = LoggedActions()
    before: AuditEntry | None = None
    async for entry, head in store.every_entry(connection):
        if before is None or before.order_id != entry.order_id:
            before = None
            orders += 1
        entries += 1
        actions.add(entry)
        if fault := fault_of_entry(entry, before):
            faults.append(fault)
        elif head is None or entry.number > head.number:
            faults.append(f"entry {entry.number} of order {entry.order_id} was not inserted by this program")
        before = entry
    for order_id, number in await store.lost_heads(connection):
        faults.append(f"entry {number} of order {order_id} was removed or rewritten")
    last: Anchor | None = None
    hashes: dict[int, str] = {}
    async for current in store.every_anchor(connection):
        anchors += 1
        hashes[current.number] = current.hash.hex()
        if fault := fault_of_anchor(current, last, keys):
            faults.append(fault)
        last = current
    faults += await actions.disagreements(connection)
    if published is not None:
        faults += published.disagreements(hashes, None if last is None else last.at)
    return AuditReport(orders, entries, anchors, None if last is None else last.hash.hex(), faults[:_MOST_FAULTS])


@lru_cache(256)  # a replay of thousands of events records few different ones
def _state(state: State | None) -> str:
    if state is None:
        return canonical({})
    return canonical(
        {"status": state.status, "attention": list(state.attention), "amount_refunded": state.amount_refunded}
    )
