"""Reads the envelope of a Stripe event from the bytes that were signed.

Every body that Stripe signed is accepted if it is JSON. A body that is not an event gets an `ignored_because`.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeGuard

import msgspec

from checkout_daemon.errors import MalformedJson
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, livemodes, read_moment
from checkout_daemon.model.json_text import decode, number, read_json

NOT_AN_EVENT = "not_an_event"
"""JSON that lacks what every event has: an id, a type, and an object in data.object."""

THIN_EVENT = "thin_event"
"""Names an object without holding it, as events of Stripe's API v2 do: https://docs.stripe.com/event-destinations."""

UNKNOWN_TYPE = "unknown"
_MOST_CHARACTERS = 255
_NO_OBJECT = msgspec.Raw(b"{}")


class StripeEvent(msgspec.Struct, frozen=True):
    """An event as it was received. `payload` is the unchanged body; `object` is data.object, still JSON.

    `body_hash` shows whether another body arrives with the same event id.

    `accounts` are named by `account`, `user_id` and `context`; an event of the endpoint's own account names none.
    `ignored_because` is the reason why nothing can follow from it, or None.
    """

    id: str
    type: str
    created_at: datetime | None
    livemode: bool | None
    api_version: str | None
    object: msgspec.Raw
    payload: str
    body_hash: bytes
    accounts: frozenset[str] = frozenset()
    ignored_because: str | None = None

    def whole_object(self) -> dict[str, Any]:
        """Return data.object with all of its fields."""
        whole: dict[str, Any] = decode(self.object)
        return whole

    def snapshot(self, fields: dict[str, Any], received_at: datetime) -> ObjectSnapshot:
        """Return a snapshot of the fields of data.object that a translator reads.

        An event without `created` counts as created when it was received.
        """
        modes = livemodes(self.livemode, fields.get("livemode"))
        return ObjectSnapshot(fields, self.created_at or received_at, self.id, modes)


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Envelope(msgspec.Struct):
    id: str
    type: str
    data: _Data
    # Every other field may be null, absent or new, so it is not typed here.
    created: Any = None
    livemode: Any = None
    api_version: Any = None
    account: Any = None
    user_id: Any = None  # what `account` was called until API version 2017-05-25
    context: Any = None


_OTHER_FIELDS = ("created", "livemode", "api_version", "account", "user_id", "context")
_DECODER = msgspec.json.Decoder(_Envelope, float_hook=number)


def parse_event(body: bytes) -> StripeEvent:
    """Return the event in a body, which may be one to ignore. Raise MalformedJson if it is not JSON in UTF-8."""
    try:
        payload = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson("the body is not JSON: it is not UTF-8") from None
    try:
        envelope = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _parse_odd(body, payload)
    is_object = bytes(envelope.data.object).lstrip().startswith(b"{")
    if not (is_object and _usable(envelope.id) and _usable(envelope.type)):
        return _parse_odd(body, payload)
    return _event(envelope, payload, _hash(body))


def _parse_odd(body: bytes, payload: str) -> StripeEvent:
    """Parse a body that the fast decoder refuses: an event with an odd value, or no event at all."""
    try:
        value = read_json(payload)
    except ValueError:
        raise MalformedJson("the body is not JSON") from None
    fields: dict[str, Any] = value if isinstance(value, dict) else {}
    event_id, event_type, data = fields.get("id"), fields.get("type"), fields.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    because = None
    if not (_usable(event_id) and _usable(event_type) and isinstance(subject, dict)):
        thin = str(fields.get("object")).startswith("v2.") or "related_object" in fields
        because = THIN_EVENT if thin else NOT_AN_EVENT
    envelope = _Envelope(
        id=event_id if _usable(event_id) else f"body_{_hash(body).hex()}",
        type=event_type if _usable(event_type) else UNKNOWN_TYPE,
        data=_Data(_NO_OBJECT if because else msgspec.Raw(msgspec.json.encode(subject))),
        **{name: fields.get(name) for name in _OTHER_FIELDS},
    )
    return _event(envelope, payload, _hash(body), because)


def _event(envelope: _Envelope, payload: str, body_hash: bytes, ignored_because: str | None = None) -> StripeEvent:
    version = envelope.api_version
    return StripeEvent(
        id=envelope.id,
        type=envelope.type,
        created_at=read_moment(envelope.created),
        livemode=envelope.livemode if isinstance(envelope.livemode, bool) else None,
        api_version=version[:_MOST_CHARACTERS] if isinstance(version, str) and version.isprintable() else None,
        object=envelope.data.object,
        payload=payload,
        body_hash=body_hash,
        accounts=frozenset(_accounts(envelope.account, envelope.user_id, envelope.context)),
        ignored_because=ignored_because,
    )


def _hash(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()


def _accounts(*claims: Any) -> list[str]:
    """Return the accounts named. An unreadable claim becomes "", which is never one of our accounts."""
    named = [claim.get("id") if isinstance(claim, dict) else claim for claim in claims if claim not in (None, "", {})]
    # A context may be a path from an organization down to the account, which is the last step.
    return [claim.rpartition("/")[2] if isinstance(claim, str) else "" for claim in named]


def _usable(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS and value.isascii() and value.isprintable()
