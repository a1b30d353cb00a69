"""Translates Stripe events to facts: one module per Stripe object, found through the table in ledger/event_types.py."""

from __future__ import annotations

from collections.abc import Callable

from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.translate import charge, dispute, payment_intent, refund, session
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, Translation

_MODULES = {
    "charge": charge,
    "dispute": dispute,
    "payment_intent": payment_intent,
    "refund": refund,
    "session": session,
}


def _find(translator: str) -> Callable[[ObjectSnapshot], Translation]:
    module, _, function = translator.partition(".")
    found: Callable[[ObjectSnapshot], Translation] = getattr(_MODULES[module], function)
    return found


_TRANSLATORS = {event_type.name: _find(event_type.translator) for event_type in EVENT_TYPES.values()}


def translate(event_type: str, snapshot: ObjectSnapshot) -> Translation | None:
    """Return the facts and links that an event reports, or None for a type that the daemon does not use.

    Raise UnreadableObject where a field is not what Stripe documents.
    """
    translator = _TRANSLATORS.get(event_type)
    return translator(snapshot) if translator else None
