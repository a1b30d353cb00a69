"""Reads the fields of Stripe objects, any of which may be null, absent or new.

A field that a fact rests on (an id, amount or currency) must be what Stripe documents. A field that is only shown, or
only helps, counts as absent if it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import msgspec

from checkout_daemon.ledger.facts import Fact, Link, LinkRank, Observation, Unknown, is_charge
from checkout_daemon.model.address import Address
from checkout_daemon.model.money import LARGEST_AMOUNT
from checkout_daemon.model.orders import order_id_from
from checkout_daemon.model.text import storable

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")
Object = dict[str, Any]

_ATTEMPT = re.compile(r"[1-9][0-9]{0,5}")
_STRIPE_ID = re.compile(r"[A-Za-z]+_[A-Za-z0-9_]{1,250}")
_CURRENCY = re.compile(r"[a-z]{3}")
_NOT_IN_A_WORD = re.compile(r"[^A-Za-z0-9_.:-]")
_LONGEST_WORD = 60
_KIND = re.compile(r"[a-z][a-z0-9_.]{0,60}")
_LONGEST_MARK = 100
_LAST_SECOND = 253_370_764_799  # of the year 9998: the last day of 9999 has no local time east of UTC


class UnreadableObject(Exception):
    """A field is not what Stripe documents. The message names the object and the field, never the value."""


class ObjectSnapshot(msgspec.Struct, frozen=True):
    """A Stripe object as an event or an API answer reported it: the input of a translator.

    `modes` are the livemodes that the event and its object name. There are two if they contradict each other: then only
    observations may follow. `event_id` is empty for an API answer.
    """

    object: Object
    observed_at: datetime
    event_id: str
    modes: frozenset[bool]

    @property
    def livemode(self) -> bool | None:
        """Return the livemode, or None if the event and its object contradict each other."""
        return next(iter(self.modes)) if len(self.modes) == 1 else None


class Translation(msgspec.Struct):
    """The facts and links that a snapshot reports. `subject_id` is the node it is about, or None if it has none.

    `address`: what a session's page has collected, to send the order to.
    """

    subject_id: str | None = None
    links: list[Link] = msgspec.field(default_factory=list)
    facts: list[Fact] = msgspec.field(default_factory=list)
    address: Address | None = None

    def add(self, other: Translation) -> None:
        """Add the links and facts of an object that this one contains."""
        self.links += other.links
        self.facts += other.facts


def livemodes(*claims: object) -> frozenset[bool]:
    """Return the livemodes claimed. Without any claim it is test mode, which never counts as a live payment."""
    return frozenset(claim for claim in claims if isinstance(claim, bool)) or frozenset({False})


def stripe_id(fields: Object, name: str) -> str | None:
    """Return an id from a field that holds the id or the expanded object. Raise UnreadableObject."""
    value = fields.get(name)
    if isinstance(value, dict):
        value = value.get("id")
    if value is None:
        return None
    if not isinstance(value, str) or not _STRIPE_ID.fullmatch(value):
        raise UnreadableObject(f"{_kind(fields)}.{name} is not an id")
    return value


def own_id(fields: Object, kind: str) -> str:
    """Return the id of an object of this kind. Raise UnreadableObject."""
    if (own := stripe_id(fields, "id")) is None:
        raise UnreadableObject(f"{kind}.id is missing")
    return own


def of_payment(fields: Object) -> Translation:
    """Return a translation about the payment that a refund or dispute names, with the link of its charge.

    Its `subject_id` is None if no payment is named. Raise UnreadableObject if one is named and none is readable.
    """
    payment_id, charge_id = (if_readable(partial(stripe_id, fields, name)) for name in ("payment_intent", "charge"))
    if not (payment_id or charge_id):  # raise the error
        payment_id, charge_id = stripe_id(fields, "payment_intent"), stripe_id(fields, "charge")
    links = charge_link(charge_id, payment_id) if payment_id is not None else []
    return Translation(payment_id or charge_id, links)


def charge_link(charge_id: str | None, payment_id: str) -> list[Link]:
    """Return the link of a charge to its PaymentIntent, or none if the id is not a charge's."""
    return [Link(charge_id, payment_id, LinkRank.STRIPE)] if charge_id is not None and is_charge(charge_id) else []


def if_readable(read: Callable[[], T]) -> T | None:
    """Return a value that a fact can do without, or None if it is not what Stripe documents."""
    try:
        return read()
    except UnreadableObject:
        return None


def amount(fields: Object, name: str) -> int | None:
    """Return an amount in minor units, or None if it is absent. Raise UnreadableObject."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_AMOUNT:
        raise UnreadableObject(f"{_kind(fields)}.{name} is not an amount: a whole number of minor units, 0 or more")
    return value


def currency(fields: Object) -> str | None:
    """Return the currency in lower case, or None if it is absent. Raise UnreadableObject."""
    value = fields.get("currency")
    if value is None:
        return None
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value.lower()):
        raise UnreadableObject(f"{_kind(fields)}.currency is not a currency code")
    return value.lower()


def text(fields: Object, name: str) -> str | None:
    """Return a text that is only shown, or None for anything else."""
    value = fields.get(name)
    return storable(value) if isinstance(value, str) else None


def choice(fields: Object, name: str, kind: type[E]) -> tuple[E | None, str | None]:
    """Return a member of an enumeration, or None and `name=value` for a value that this version does not know."""
    value = fields.get(name)
    if value is None:
        return None, None
    try:
        return kind(value), None
    except ValueError:
        return None, f"{name}={_word(value)}"


def unknown_values(snapshot: ObjectSnapshot, *words: str | None) -> dict[str, Any]:
    """Return the fields `known_at` or `unknown` of a fact; `words` are the results of `choice`."""
    found = " ".join(word for word in words if word is not None)
    return {"unknown": Unknown(snapshot.observed_at, found)} if found else {"known_at": snapshot.observed_at}


def _word(value: object) -> str:
    """Return a value as one word that is safe to show."""
    return _NOT_IN_A_WORD.sub("?", value if isinstance(value, str) else json.dumps(value))[:_LONGEST_WORD]


def moment(fields: Object, name: str) -> datetime | None:
    """Return the time in a field, or None."""
    return read_moment(fields.get(name))


def read_moment(value: object) -> datetime | None:
    """Return the time for seconds since 1970, as Stripe writes times, or None for 0 and anything else.

    Every time that it returns exists in every time zone.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(value, UTC)


def child(fields: Object, name: str) -> Object | None:
    """Return an expanded object, or None if the field has only its id or nothing."""
    value = fields.get(name)
    return value if isinstance(value, dict) else None


def observations(snapshot: ObjectSnapshot, payment_id: str | None, names: tuple[str, ...]) -> list[Observation]:
    """Build one Observation for each reported amount and livemode. Raise UnreadableObject."""
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
    """Return a value of the metadata if we could have written it: short, printable ASCII text."""
    value = (child(fields, "metadata") or {}).get(name)
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_MARK and value.isascii() and value.isprintable():
        return value
    return None


def named_attempt(fields: Object) -> tuple[str, int] | None:
    """Return the order and attempt that our metadata names, or None for an object that is not ours."""
    order_id, attempt = mark(fields, "order_id") or "", mark(fields, "attempt") or ""
    if order_id_from(order_id) != order_id or not _ATTEMPT.fullmatch(attempt):
        return None
    if fields.get("object") == "checkout.session" and fields.get("client_reference_id") != order_id:
        return None
    return order_id, int(attempt)


def order_link(fields: Object, node: str) -> list[Link]:
    """Return the link to the order in `metadata.order_id`, if it holds an order's id."""
    return _link_to_order(node, (child(fields, "metadata") or {}).get("order_id"), LinkRank.METADATA)


def reference_link(fields: Object, node: str) -> list[Link]:
    """Return the link to the order in `client_reference_id`, if it holds an order's id."""
    return _link_to_order(node, fields.get("client_reference_id"), LinkRank.CLIENT_REFERENCE_ID)


def _link_to_order(node: str, value: object, rank: LinkRank) -> list[Link]:
    order_id = order_id_from(value) if isinstance(value, str) else None
    return [Link(node, order_id, rank)] if order_id else []


def _kind(fields: Object) -> str:
    value = fields.get("object")
    return value if isinstance(value, str) and _KIND.fullmatch(value) else "object"
