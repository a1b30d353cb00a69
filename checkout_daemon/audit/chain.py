"""The operator log's hashes: what an entry's, a note's and an anchor's cover, and what a broken chain is.

An entry's hash covers the one before it in its order's chain; an anchor's covers the heads of chains that moved, and
the anchor before. Anybody can compute a hash, so with CHECKOUT_AUDIT_KEY an anchor's is an HMAC (RFC 2104): who may
write the database and does not have the key cannot write anew what was anchored.

What may name a person is only under a salted hash: blanked, nothing of the chain changes, and without its salt nobody
can try what it was.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

FIRST_PREV_HASH = bytes(32)
"""What the first entry of a chain and the first anchor follow."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
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
    key_id: str | None = None  # of the key that it is signed with


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """The keys of CHECKOUT_AUDIT_KEY: the first signs, all of them verify.

    `since`: unsigned anchors made before are accepted, those of the time without a key.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)
    since: datetime | None = None

    @property
    def signing(self) -> str | None:
        return self.secrets[0] if self.secrets else None

    def find(self, key_id: str) -> str | None:
        return next((secret for secret in self.secrets if key_id_of(secret) == key_id), None)


def key_id_of(secret: str) -> str:
    """Name a key without giving it away."""
    return sha256(b"checkout audit key\0" + secret.encode()).hexdigest()[:8]


def canonical(value: Mapping[str, object]) -> str:
    """JSON of which there is one form only: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def hash_personal(personal: str, salt: bytes) -> bytes:
    return sha256(salt + personal.encode()).digest()


def hash_entry(entry: AuditEntry) -> bytes:
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


def hash_anchor(anchor: Anchor, secret: str | None = None) -> bytes:
    """Return an anchor's hash; with the secret of its key its HMAC, which covers the key's id as well."""
    heads = sorted((head.order_id, head.number, head.hash.hex()) for head in anchor.heads)
    value = {"number": anchor.number, "at": _time(anchor.at), "prev_hash": anchor.prev_hash.hex(), "heads": heads}
    if secret is None:
        return _hash(value)
    signed = canonical(value | {"key_id": anchor.key_id, "version": 2})
    return hmac.digest(secret.encode(), signed.encode(), "sha256")


def fault_of_entry(entry: AuditEntry, before: AuditEntry | None) -> str | None:
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


def fault_of_anchor(anchor: Anchor, before: Anchor | None, keys: AuditKeys | None = None) -> str | None:
    """Return what is wrong with an anchor that follows another, or is the first; None where nothing is."""
    keys = keys or AuditKeys()
    if anchor.number != (1 if before is None else before.number + 1):
        return f"what came before anchor {anchor.number} is missing"
    if anchor.prev_hash != (FIRST_PREV_HASH if before is None else before.hash):
        return f"anchor {anchor.number} does not follow the one before it"
    if anchor.key_id is None:
        late = keys.since is None or anchor.at >= keys.since or (before is not None and before.key_id is not None)
        if keys.secrets and late:
            return f"anchor {anchor.number} is not signed with CHECKOUT_AUDIT_KEY"
        secret = None
    elif (secret := keys.find(anchor.key_id)) is None:
        return f"anchor {anchor.number} is signed with key {anchor.key_id}, which CHECKOUT_AUDIT_KEY does not hold"
    good = hmac.compare_digest(anchor.hash, hash_anchor(anchor, secret))
    return None if good else f"anchor {anchor.number} was changed"


def _hash(value: Mapping[str, object]) -> bytes:
    return sha256(canonical(value).encode()).digest()


def _time(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
