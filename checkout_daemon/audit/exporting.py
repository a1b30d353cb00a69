"""Exports the audit log as JSON Lines, which audit/verifier.py verifies without the database, and lists it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from checkout_daemon.audit import audit_store as store
from checkout_daemon.audit import verifier
from checkout_daemon.audit.chain import Anchor, AuditEntry
from checkout_daemon.database.pool import Database
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import NotFound
from checkout_daemon.private_files import publish

_HASHES = ("personal_hash", "prev_hash", "hash")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries a list contains: those that meet every condition that is set. `until` is exclusive.

    `operator` is a part of the operator's name, in any case.
    """

    order_id: str | None = None
    kinds: tuple[str, ...] = ()
    operator: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def list_entries(
    database: Readable, wanted: AuditFilter, *, limit: int, after: AuditEntry | None = None
) -> list[AuditEntry]:
    """Return a page of entries of all chains, newest first, those after an entry if one is given."""
    async with database.connection() as connection:
        return await store.newest_entries(
            connection,
            wanted.order_id,
            wanted.kinds,
            wanted.operator,
            wanted.since,
            wanted.until,
            limit=limit,
            after=after,
        )


async def find_entry(database: Readable, name: str) -> AuditEntry:
    """Return the entry with this name: its chain, which is an order's id, and its number. Raise NotFound."""
    chain, _, number = name.partition("/")
    with suppress(ValueError):
        async with database.connection() as connection:
            found = await store.read_entry(connection, str(UUID(chain)), int(number))
        if found is not None:
            return found
    raise NotFound(f"audit entry {name!r} does not exist: `checkout audit list --quiet` shows their names")


async def write_export(database: Database, path: Path, *, notes: bool, replace: bool) -> tuple[int, int]:
    """Write the whole log to a private file, and return the number of entries and of anchors.

    Raise FileExistsError unless it may be replaced.
    """
    with publish(path, replace=replace) as new, os.fdopen(os.dup(new), "w", encoding="ascii") as file:
        last: dict[str, Any] = {}
        async for last in export_lines(database, notes=notes):
            file.write(json.dumps(last) + "\n")
    return last["entries"], last["anchors"]


async def export_lines(database: Database, *, notes: bool) -> AsyncIterator[dict[str, Any]]:
    """Yield a header, every entry, every anchor and an end, as of one moment. Without `notes`, nothing names a person.

    The chain stays valid without notes: they have hashes of their own. The header has the time: of what was published
    outside the database, the export has what is older.
    """
    at = _time(datetime.now(UTC))  # before the moment as of which the rest is read
    yield {"type": "header", "format": verifier.FORMAT, "version": verifier.VERSION, "at": at}
    entries = anchors = 0
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        async for entry, _ in store.every_entry(connection):
            entries += 1
            yield _entry(entry, notes=notes)
        async for anchor in store.every_anchor(connection):
            anchors += 1
            yield _anchor(anchor)
    yield {"type": "end", "entries": entries, "anchors": anchors}


def _entry(entry: AuditEntry, *, notes: bool) -> dict[str, Any]:
    fields = msgspec.structs.asdict(entry)
    fields |= {name: fields[name].hex() for name in _HASHES}
    fields |= {"at": _time(entry.at), "salt": None if entry.salt is None else entry.salt.hex()}
    return {"type": "entry"} | fields | ({} if notes else {"personal": None, "salt": None})


def _anchor(anchor: Anchor) -> dict[str, Any]:
    heads = [[head.order_id, head.number, head.hash.hex()] for head in anchor.heads]
    fields = {"number": anchor.number, "at": _time(anchor.at), "key_id": anchor.key_id, "heads": heads}
    return {"type": "anchor"} | fields | {"prev_hash": anchor.prev_hash.hex(), "hash": anchor.hash.hex()}


def _time(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
