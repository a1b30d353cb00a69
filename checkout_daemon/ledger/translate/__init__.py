"""Translates Stripe events to facts: one module per Stripe object, found through the table in ledger/event_types.py."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.translate import charge, dispute, fraud_warning, payment_intent, refund, session
from checkout_daemon.ledger.translate.envelope import StripeEvent
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, Translation
from checkout_daemon.model.json_text import decode, number

_MODULES = {
    "charge": charge,
    "dispute": dispute,
    "fraud_warning": fraud_warning,
    "payment_intent": payment_intent,
    "refund": refund,
    "session": session,
}
FIELDS = {
    "charge": (
        "id object livemode amount amount_captured amount_refunded captured created currency failure_code"
        " failure_message metadata outcome payment_intent payment_method_details refunds status"
    ),
    "dispute": (
        "id object livemode amount balance_transactions charge currency evidence_details payment_intent"
        " payment_method_details reason status"
    ),
    "fraud_warning": "id object livemode actionable charge created fraud_type payment_intent",
    "payment_intent": (
        "id object livemode amount amount_received currency last_payment_error latest_charge metadata status"
    ),
    "refund": "id object livemode amount charge currency metadata payment_intent status",
    "session": (
        "id object livemode amount_total client_reference_id collected_information currency expires_at metadata mode"
        " payment_intent payment_status shipping_details status url"
    ),
}
"""The fields that each module reads of an object. The rest of it, nearly all, is skipped and not decoded."""


class _Translator(NamedTuple):
    """A function of one of the modules, and the decoder of the fields that it reads."""

    translate: Callable[[ObjectSnapshot], Translation]
    decoder: msgspec.json.Decoder[msgspec.Struct]


def _decoder(module: str) -> msgspec.json.Decoder[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = [(name, Any, None) for name in FIELDS[module].split()]
    return msgspec.json.Decoder(msgspec.defstruct(module, fields), float_hook=number)


_DECODERS = {module: _decoder(module) for module in FIELDS}


def _find(path: str) -> _Translator:
    module, _, function = path.partition(".")
    return _Translator(getattr(_MODULES[module], function), _DECODERS[module])


_TRANSLATORS = {event_type.name: _find(event_type.translator) for event_type in EVENT_TYPES.values()}


def translate_event(event: StripeEvent, received_at: datetime) -> Translation | None:
    """Return the facts and links that an event reports, or None for a type that the daemon does not use.

    Raise UnreadableObject where a field is not what Stripe documents.
    """
    found = _TRANSLATORS.get(event.type)
    if found is None:
        return None
    try:
        fields = msgspec.structs.asdict(found.decoder.decode(event.object))
    except (msgspec.DecodeError, RecursionError):
        fields = decode(event.object)
    return found.translate(event.snapshot(fields, received_at))


def translate(event_type: str, snapshot: ObjectSnapshot) -> Translation | None:
    """Return the facts and links that a snapshot reports as an event of this type, as translate_event does."""
    found = _TRANSLATORS.get(event_type)
    return found.translate(snapshot) if found else None
