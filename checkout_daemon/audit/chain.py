"""The hash chain of the audit log: what the hashes of an entry, its personal data and an anchor cover, and its faults.

An entry's hash covers the previous entry's in its order's chain. An anchor's hash covers the heads of chains that moved
and the previous anchor's hash. Anybody can compute a hash, so with CHECKOUT_AUDIT_KEY an anchor's hash is an HMAC
(RFC 2104): whoever can write to the database but lacks the key cannot rewrite what was anchored.

Personal data is hashed with its own salt. Erasing both leaves the chain valid, and without the salt nobody can guess
the data from its hash.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import msgspec

FIRST_PREV_HASH = bytes(32)
"""The previous hash of the first entry of a chain and of the first anchor."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_FAST = msgspec.json.Encoder(order="sorted")


class AuditEntry(msgspec.Struct, frozen=True):
    """An action of an operator on an order. `details`, `before`, `after` and `personal` are canonical JSON.

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


class Head(msgspec.Struct, frozen=True):
    """The last entry of an order's chain."""

    order_id: str
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """A hash over `heads`, those that moved since the previous anchor."""

    number: int
    at: datetime
    prev_hash: bytes
    hash: bytes
    heads: Sequence[Head]
    key_id: str | None = None  # of the signing key


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """The keys of CHECKOUT_AUDIT_KEY: the first signs, all of them verify.

    `since`: when the key was introduced; older anchors may be unsigned.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)
    since: datetime | None = None

    @property
    def signing(self) -> str | None:
        """Return the secret that signs, or None."""
        return self.secrets[0] if self.secrets else None

    def find(self, key_id: str) -> str | None:
        """Return the secret with this id, or None."""
        return next((secret for secret in self.secrets if key_id_of(secret) == key_id), None)


def key_id_of(secret: str) -> str:
    """Return an id of a key that does not reveal it."""
    return sha256(b"checkout audit key\0" + secret.encode()).hexdigest()[:8]


def canonical(value: Mapping[str, object]) -> str:
    """Return the only JSON form of a value without fractions: keys sorted, no spaces, printable ASCII."""
    try:
        encoded = _FAST.encode(value)
    except (UnicodeEncodeError, OverflowError):  # a lone surrogate, a number of more than 64 bits
        return _CANONICAL.encode(value)
    # Only the slow encoder writes all other characters as escape sequences.
    return encoded.decode() if encoded.isascii() and b"\x7f" not in encoded else _CANONICAL.encode(value)


def hash_personal(personal: str, salt: bytes) -> bytes:
    """Return the salted hash of an entry's personal data."""
    return sha256(salt + personal.encode()).digest()


def hash_entry(entry: AuditEntry) -> bytes:
    """Return the hash of every field except `personal` and `salt`, which `personal_hash` covers."""
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
    """Return an anchor's hash or, with the secret of its key, its HMAC, which also covers the key's id."""
    heads = sorted((head.order_id, head.number, head.hash.hex()) for head in anchor.heads)
    value = {"number": anchor.number, "at": _time(anchor.at), "prev_hash": anchor.prev_hash.hex(), "heads": heads}
    if secret is None:
        return _hash(value)
    signed = canonical(value | {"key_id": anchor.key_id, "version": 2})
    return hmac.digest(secret.encode(), signed.encode(), "sha256")


def fault_of_entry(entry: AuditEntry, before: AuditEntry | None) -> str | None:
    """Return the fault of an entry that follows `before` in its chain, or None. `before` is None for the first."""
    name = f"entry {entry.number} of order {entry.order_id}"
    if fault := _fault_of_place(name, entry, before):
        return fault
    if entry.hash != hash_entry(entry):
        return f"{name} was changed"
    if entry.personal is not None and entry.personal_hash != hash_personal(entry.personal, entry.salt or b""):
        return f"the note of {name} was changed"
    return None


def fault_of_anchor(anchor: Anchor, before: Anchor | None, keys: AuditKeys | None = None) -> str | None:
    """Return the fault of an anchor that follows `before`, or None. `before` is None for the first."""
    keys = keys or AuditKeys()
    name = f"anchor {anchor.number}"
    if fault := _fault_of_place(name, anchor, before):
        return fault
    if anchor.key_id is None:
        late = keys.since is None or anchor.at >= keys.since or (before is not None and before.key_id is not None)
        if keys.secrets and late:
            return f"{name} is not signed with CHECKOUT_AUDIT_KEY"
        secret = None
    elif (secret := keys.find(anchor.key_id)) is None:
        return f"{name} is signed with key {anchor.key_id}, which CHECKOUT_AUDIT_KEY does not hold"
    good = hmac.compare_digest(anchor.hash, hash_anchor(anchor, secret))
    return None if good else f"{name} was changed"


def _fault_of_place(name: str, link: AuditEntry | Anchor, before: AuditEntry | Anchor | None) -> str | None:
    if link.number != (1 if before is None else before.number + 1):
        return f"what came before {name} is missing"
    if link.prev_hash != (FIRST_PREV_HASH if before is None else before.hash):
        return f"{name} does not follow the one before it"
    return None


def _hash(value: Mapping[str, object]) -> bytes:
    return sha256(canonical(value).encode()).digest()


def _time(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
