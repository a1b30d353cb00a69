"""Reads and writes the audit log and its anchors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import asyncpg
import msgspec
from msgspec.structs import astuple

from checkout_daemon.audit.chain import Anchor, AuditEntry, Head
from checkout_daemon.database.cells import binary, encode, plain, text, time
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns, record_of

# The columns of heads and entries, in the sequence of their fields.
_HEAD = (text, plain, binary)
_ENTRY = (text, plain, time, text, text, text, text, text, text, text, binary, binary, binary, binary)
_LOCK_KEY = 0x616E63686F727300  # any constants; all daemons must agree on them
_SHOP_LOCK_KEY = 0x616E63686F727301


async def read_heads(connection: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, Head]:
    """Return the heads of the orders' chains by order id, as far as they have one. The orders' rows must be locked."""
    rows = await connection.fetch(sql("read_log_heads"), list(order_ids))
    return {head.order_id: head for head in (record_of(Head, row) for row in rows)}


async def append(connection: asyncpg.Connection, entries: Sequence[AuditEntry], heads: Collection[Head]) -> None:
    """Append entries, and store the new heads of their chains. The orders' rows must be locked."""
    ordered = sorted(heads, key=attrgetter("order_id"))
    await connection.execute(
        sql("append_log_entries"),
        encode([astuple(head) for head in ordered], _HEAD),
        encode([astuple(entry) for entry in entries], _ENTRY),
    )


async def blank_personal(connection: asyncpg.Connection, order_id: str) -> None:
    """Delete the personal data of an order's entries; their chain stays valid."""
    await connection.execute(sql("blank_log_personal"), order_id)


async def blank_personal_about(
    connection: asyncpg.Connection,
    chains: Sequence[str],
    batches: Sequence[int],
    items: Sequence[str],
    events: Sequence[str],
) -> None:
    """Delete the personal data of the chains' entries about batches, items of what is to do, or dismissed events."""
    await connection.execute(sql("blank_log_about"), list(chains), list(batches), list(items), list(events))


async def read_entries(connection: asyncpg.Connection, order_id: str) -> list[AuditEntry]:
    """Return the audit entries of an order, oldest first."""
    return [record_of(AuditEntry, row) for row in await connection.fetch(sql("read_log_of_order"), order_id)]


async def newest_entries(
    connection: asyncpg.Connection,
    order_id: str | None,
    kinds: Sequence[str],
    operator: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    limit: int,
    after: AuditEntry | None = None,
) -> list[AuditEntry]:
    """Return audit entries of all chains, newest first, those after an entry if one is given."""
    place = (None, None, None) if after is None else (after.at, after.order_id, after.number)
    rows = await connection.fetch(
        sql("newest_log_entries"), order_id, list(kinds) or None, operator, since, until, limit, *place
    )
    return [record_of(AuditEntry, row) for row in rows]


async def read_entry(connection: asyncpg.Connection, order_id: str, number: int) -> AuditEntry | None:
    """Return an entry of a chain, or None."""
    row = await connection.fetchrow(sql("read_log_entry"), order_id, number)
    return None if row is None else record_of(AuditEntry, row)


async def lock_shop(connection: asyncpg.Connection) -> None:
    """Lock the chain of what is about no order until the transaction ends."""
    await connection.execute(sql("lock_log_of_shop"), _SHOP_LOCK_KEY)


async def find_entry(connection: asyncpg.Connection, order_id: str, kind: str, details: str) -> AuditEntry | None:
    """Return the latest audit entry of a chain with this kind and these details, as canonical JSON."""
    row = await connection.fetchrow(sql("find_log_entry"), order_id, kind, details)
    return None if row is None else record_of(AuditEntry, row)


async def acted_in_batch(connection: asyncpg.Connection, order_id: str, batch: int, kind: str) -> bool:
    """Return whether the order has an entry of this kind by a batch."""
    return bool(await connection.fetchval(sql("acted_in_batch"), order_id, kind, batch))


async def every_entry(connection: asyncpg.Connection) -> AsyncIterator[tuple[AuditEntry, Head | None]]:
    """Yield all entries, chain by chain, each with its order's stored head. The caller must open a transaction."""
    async for row in connection.cursor(sql("read_whole_log"), prefetch=1000):
        entry, number = record_of(AuditEntry, row), row["head_number"]
        yield entry, None if number is None else Head(entry.order_id, number, row["head_hash"])


async def lost_heads(connection: asyncpg.Connection) -> list[tuple[str, int]]:
    """Return (order id, number) of entries that a head or an anchor covers and that are gone or changed."""
    return await _tuples(connection, "lost_log_heads")


async def lock_anchors(connection: asyncpg.Connection) -> bool:
    """Return whether this transaction may make an anchor, because no other one is making one."""
    return bool(await connection.fetchval(sql("lock_anchors"), _LOCK_KEY))


async def last_anchor(connection: asyncpg.Connection) -> tuple[int, bytes, str | None] | None:
    """Return the last anchor's number, hash and key id."""
    row = await connection.fetchrow(sql("last_anchor"))
    return None if row is None else tuple(row)


async def loosen_heads(connection: asyncpg.Connection) -> None:
    """Mark every head as not anchored."""
    await connection.execute(sql("loosen_log_heads"))


async def anchors_after(connection: asyncpg.Connection, number: int, limit: int) -> list[tuple[int, datetime, bytes]]:
    """Return number, time and hash of the anchors after that number, in sequence."""
    return await _tuples(connection, "anchors_after", number, limit)


async def traces_in_changes(connection: asyncpg.Connection, kinds: Sequence[str]) -> list[tuple[str, str, str, int]]:
    """Return (order id, kind, actor, count) of the lines that operators' actions wrote to the change log."""
    return await _tuples(connection, "traces_in_changes", kinds)


async def traces_in_acts(connection: asyncpg.Connection) -> list[tuple[str, str, str]]:
    """Return (order id, kind, actor) of the acts of operators."""
    return await _tuples(connection, "traces_in_acts")


async def traces_in_requests(connection: asyncpg.Connection) -> list[tuple[str, str, str, int, str]]:
    """Return (request id, order id, payment, amount, currency) of all refund requests."""
    return await _tuples(connection, "traces_in_requests")


async def loose_heads(connection: asyncpg.Connection, limit: int) -> list[Head]:
    """Lock and return heads that moved since they were anchored."""
    return [record_of(Head, row) for row in await connection.fetch(sql("loose_log_heads"), limit)]


async def insert_anchor(connection: asyncpg.Connection, anchor: Anchor) -> None:
    """Insert an anchor, and mark the heads it covers as anchored."""
    heads = columns(anchor.heads, "order_id", "number", "hash")
    await connection.execute(
        sql("insert_anchor"), anchor.number, anchor.at, anchor.prev_hash, anchor.hash, anchor.key_id, *heads
    )


async def every_anchor(connection: asyncpg.Connection) -> AsyncIterator[Anchor]:
    """Yield the anchors in sequence. The caller must open a transaction."""
    async for row in connection.cursor(sql("read_anchors"), prefetch=50):
        found = msgspec.json.decode(row["heads"] or "[]", type=list[tuple[str, int, str]])
        heads = tuple(Head(order_id, number, bytes.fromhex(digest)) for order_id, number, digest in found)
        yield Anchor(row["number"], row["at"], row["prev_hash"], row["hash"], heads, row["key_id"])


async def _tuples(connection: asyncpg.Connection, statement: str, *args: Any) -> list[Any]:
    return [tuple(row) for row in await connection.fetch(sql(statement), *args)]
