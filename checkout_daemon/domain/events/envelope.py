"""A Stripe event's envelope, read from the bytes that were signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from checkout_daemon.domain.events.reading import Told, livemodes, read_moment
from checkout_daemon.errors import InvalidPayload, MalformedJson

_MOST_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """An event as it was received. `payload` is the body to the letter; `object` is data.object, still JSON."""

    id: str
    type: str
    created_at: datetime | None
    livemode: bool | None
    api_version: str | None
    object: msgspec.Raw
    payload: str

    def told(self, received_at: datetime) -> Told:
        """data.object, ready for translation. Without `created`, an event counts as of its receipt."""
        decoded: dict[str, Any] = msgspec.json.decode(self.object)
        modes = livemodes(self.livemode, decoded.get("livemode"))
        return Told(decoded, self.created_at or received_at, self.id, modes)


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Envelope(msgspec.Struct):
    id: str
    type: str
    data: _Data
    # Every other field may be null, absent or new: read by hand.
    created: Any = None
    livemode: Any = None
    api_version: Any = None


_DECODER = msgspec.json.Decoder(_Envelope)


def parse_event(body: bytes) -> StripeEvent:
    """Raises MalformedJson, or InvalidPayload for JSON that is no event: string id and type, an object data.object."""
    try:
        payload = body.decode("utf-8")
        envelope = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        if not _is_json(body):  # the decoder stops at the first field that is wrong
            raise MalformedJson("the body is not JSON") from None
        raise InvalidPayload(f"the body is JSON but not a Stripe event: {error}") from None
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise MalformedJson("the body is not JSON") from None
    if "\0" in payload:
        raise MalformedJson("the body is not JSON: it holds a NUL byte")
    for name, value in (("id", envelope.id), ("type", envelope.type)):
        if not 0 < len(value) <= _MOST_CHARACTERS or not value.isascii() or not value.isprintable():
            raise InvalidPayload(f"the event's {name} must be 1 to {_MOST_CHARACTERS} printable ASCII characters")
    if not bytes(envelope.data.object).lstrip().startswith(b"{"):
        raise InvalidPayload("the event's data.object must be an object")
    version = envelope.api_version
    return StripeEvent(
        id=envelope.id,
        type=envelope.type,
        created_at=read_moment(envelope.created),
        livemode=envelope.livemode if isinstance(envelope.livemode, bool) else None,
        api_version=version[:_MOST_CHARACTERS] if isinstance(version, str) and version.isprintable() else None,
        object=envelope.data.object,
        payload=payload,
    )


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
