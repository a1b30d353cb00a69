"""The operator log's hashes: what an entry's, a note's and an anchor's cover, and what a broken chain is.

An entry's hash covers the one before it in its order's chain; an anchor's covers the heads of chains that moved, and
the anchor before. What may name a person is only under a salted hash: blanked, nothing of the chain changes, and
without its salt nobody can try what it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

FIRST_PREV_HASH = bytes(32)
"""What the first entry of a chain and the first anchor follow."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What an operator did to an order. `details`, `before`, `after` and `personal` are canonical JSON.

    `personal` and `salt` are None once erased.
    """

    order_id: str
    number: int
    at: datetime
    kind: str
    operator: str
    host: str
    details: str
    before: str
    after: str
    personal: str | None
    salt: bytes | None
    personal_hash: bytes
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of an order's chain."""

    order_id: str
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """`heads` are those that moved since the anchor before."""

    number: int
    at: datetime
    prev_hash: bytes
    hash: bytes
    heads: Sequence[Head]


def canonical(value: Mapping[str, object]) -> str:
    """JSON of which there is one form only: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def hash_personal(personal: str, salt: bytes) -> bytes:
    return sha256(salt + personal.encode()).digest()


def hash_entry(entry: LogEntry) -> bytes:
    """Over all of it but what is under a hash of its own."""
    return _hash(
        {
            "order_id": entry.order_id,
            "number": entry.number,
            "at": _time(entry.at),
            "kind": entry.kind,
            "operator": entry.operator,
            "host": entry.host,
            "details": entry.details,
            "before": entry.before,
            "after": entry.after,
            "personal_hash": entry.personal_hash.hex(),
            "prev_hash": entry.prev_hash.hex(),
        }
    )


def hash_anchor(anchor: Anchor) -> bytes:
    heads = sorted((head.order_id, head.number, head.hash.hex()) for head in anchor.heads)
    return _hash({"number": anchor.number, "at": _time(anchor.at), "prev_hash": anchor.prev_hash.hex(), "heads": heads})


def fault_of_entry(entry: LogEntry, before: LogEntry | None) -> str | None:
    """What is wrong with an entry that follows another of its order, or is the first; None where nothing is."""
    name = f"entry {entry.number} of order {entry.order_id}"
    if entry.number != (1 if before is None else before.number + 1):
        return f"what came before {name} is missing"
    if entry.prev_hash != (FIRST_PREV_HASH if before is None else before.hash):
        return f"{name} does not follow the one before it"
    if entry.hash != hash_entry(entry):
        return f"{name} was changed"
    if entry.personal is not None and entry.personal_hash != hash_personal(entry.personal, entry.salt or b""):
        return f"the note of {name} was changed"
    return None


def fault_of_anchor(anchor: Anchor, before: Anchor | None) -> str | None:
    if anchor.number != (1 if before is None else before.number + 1):
        return f"what came before anchor {anchor.number} is missing"
    if anchor.prev_hash != (FIRST_PREV_HASH if before is None else before.hash):
        return f"anchor {anchor.number} does not follow the one before it"
    return None if anchor.hash == hash_anchor(anchor) else f"anchor {anchor.number} was changed"


def _hash(value: Mapping[str, object]) -> bytes:
    return sha256(canonical(value).encode()).digest()


def _time(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
