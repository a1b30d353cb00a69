"""Reads Stripe's objects: any field may be null, absent or new.

What a fact rests on (ids, amounts, currencies) must be what Stripe documents; what is only shown, or only helps, is as
if absent where it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from checkout_daemon.domain.facts import Fact, Link, LinkRank, Observation, Unknown

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")
Object = dict[str, Any]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_ATTEMPT = re.compile(r"[1-9][0-9]{0,5}")
_STRIPE_ID = re.compile(r"[A-Za-z]+_[A-Za-z0-9_]{1,250}")
_CURRENCY = re.compile(r"[a-z]{3}")
_NOT_IN_A_WORD = re.compile(r"[^A-Za-z0-9_.:-]")
_LONGEST_WORD = 60
_KIND = re.compile(r"[a-z][a-z0-9_.]{0,60}")
_LARGEST_AMOUNT = 2**53
_LONGEST_MARK = 100
_LAST_SECOND = 253_402_300_799  # of the year 9999


class UnreadableObject(Exception):
    """A field is not what Stripe documents; the message names the object and the field, never a value."""


@dataclass(frozen=True, slots=True)
class ObjectSnapshot:
    """An object and the circumstances of its telling: what a translator works on.

    `modes` are the livemodes claimed, of the event and of its object: two when they contradict each other, and then
    nothing but observations may come of it.
    """

    object: Object
    observed_at: datetime
    event_id: str
    modes: frozenset[bool]

    @property
    def livemode(self) -> bool | None:
        return next(iter(self.modes)) if len(self.modes) == 1 else None


@dataclass(slots=True)
class Translation:
    """What an object says: its facts and links, and the node it is about (None: nothing we can place)."""

    subject_id: str | None = None
    links: list[Link] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


def livemodes(*claims: object) -> frozenset[bool]:
    """The livemodes claimed; nobody claiming one means test mode, which never passes for a live payment."""
    return frozenset(claim for claim in claims if isinstance(claim, bool)) or frozenset({False})


def stripe_id(fields: Object, name: str) -> str | None:
    """An id, of a field that holds it or the expanded object."""
    value = fields.get(name)
    if isinstance(value, dict):
        value = value.get("id")
    if value is None:
        return None
    if not isinstance(value, str) or not _STRIPE_ID.fullmatch(value):
        raise UnreadableObject(f"{_kind(fields)}.{name} is not an id")
    return value


def payment_and_charge(fields: Object) -> tuple[str | None, str | None]:
    """Return the ids of the PaymentIntent and the charge. One that is readable is enough."""
    found = (if_readable(lambda: stripe_id(fields, "payment_intent")), if_readable(lambda: stripe_id(fields, "charge")))
    return found if any(found) else (stripe_id(fields, "payment_intent"), stripe_id(fields, "charge"))


def if_readable(read: Callable[[], T]) -> T | None:
    """Return what a fact can do without, or None where it is not what Stripe documents."""
    try:
        return read()
    except UnreadableObject:
        return None


def amount(fields: Object, name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_AMOUNT:
        raise UnreadableObject(f"{_kind(fields)}.{name} is not an amount: a whole number of minor units, 0 or more")
    return value


def currency(fields: Object) -> str | None:
    value = fields.get("currency")
    if value is None:
        return None
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value.lower()):
        raise UnreadableObject(f"{_kind(fields)}.currency is not a currency code")
    return value.lower()


def text(fields: Object, name: str) -> str | None:
    """Return a text that is only shown; anything else is as if absent."""
    value = fields.get(name)
    if not isinstance(value, str):
        return None
    # PostgreSQL cannot hold NUL nor lone surrogates.
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def choice(fields: Object, name: str, kind: type[E]) -> tuple[E | None, str | None]:
    """Return a value of an enumeration; or None and `name=value` for one that this version does not know."""
    value = fields.get(name)
    if value is None:
        return None, None
    try:
        return kind(value), None
    except ValueError:
        return None, f"{name}={_word(value)}"


def unknown_values(snapshot: ObjectSnapshot, *words: str | None) -> dict[str, Any]:
    """Return when a session or refund was reported in known values alone, or in which unknown ones."""
    found = " ".join(each for each in words if each is not None)
    return {"unknown": Unknown(snapshot.observed_at, found)} if found else {"known_at": snapshot.observed_at}


def _word(value: object) -> str:
    """Return what may be shown of a value, as one word."""
    return _NOT_IN_A_WORD.sub("?", value if isinstance(value, str) else json.dumps(value))[:_LONGEST_WORD]


def moment(fields: Object, name: str) -> datetime | None:
    return read_moment(fields.get(name))


def read_moment(value: object) -> datetime | None:
    """Read seconds since 1970, as Stripe writes times; 0 and anything else counts as absent."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(value, UTC)


def child(fields: Object, name: str) -> Object | None:
    """An expanded object; None where there is only its id, or nothing."""
    value = fields.get(name)
    return value if isinstance(value, dict) else None


def observations(snapshot: ObjectSnapshot, payment_id: str | None, names: tuple[str, ...]) -> list[Observation]:
    """What an object that is money says of its payment: each amount named, in each livemode claimed."""
    amounts = {value for name in names if (value := amount(snapshot.object, name)) is not None}
    code = currency(snapshot.object)
    if payment_id is None or code is None or not amounts:
        raise UnreadableObject(f"{_kind(snapshot.object)} is paid but has no {names[0]} or currency")
    return [
        Observation(payment_id, value, code, mode, snapshot.observed_at)
        for value in sorted(amounts)
        for mode in sorted(snapshot.modes)
    ]


def mark(fields: Object, name: str) -> str | None:
    """Return a value of the metadata that may be one of ours: short, printable text. Anything else is as if absent."""
    value = (child(fields, "metadata") or {}).get(name)
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_MARK and value.isascii() and value.isprintable():
        return value
    return None


def named_attempt(fields: Object) -> tuple[str, int] | None:
    """Return the order and the attempt that our marks in the metadata name; None for an object that is not ours."""
    order_id, attempt = mark(fields, "order_id") or "", mark(fields, "attempt") or ""
    if not _UUID.fullmatch(order_id) or order_id != order_id.lower() or not _ATTEMPT.fullmatch(attempt):
        return None
    if fields.get("object") == "checkout.session" and fields.get("client_reference_id") != order_id:
        return None
    return order_id, int(attempt)


def order_link(fields: Object, node: str) -> list[Link]:
    """The link that `metadata.order_id` makes, if it holds an order's id."""
    return _link_to_order(node, (child(fields, "metadata") or {}).get("order_id"), LinkRank.METADATA)


def reference_link(fields: Object, node: str) -> list[Link]:
    """The link that `client_reference_id` makes, if it holds an order's id."""
    return _link_to_order(node, fields.get("client_reference_id"), LinkRank.CLIENT_REFERENCE_ID)


def _link_to_order(node: str, value: object, rank: LinkRank) -> list[Link]:
    if isinstance(value, str) and _UUID.fullmatch(value):
        return [Link(node, value.lower(), rank)]
    return []


def _kind(fields: Object) -> str:
    value = fields.get("object")
    return value if isinstance(value, str) and _KIND.fullmatch(value) else "object"
